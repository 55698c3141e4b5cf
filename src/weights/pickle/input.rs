//! A pickle's bytes, never more of them in memory than one short text.

use std::io::{self, BufRead, Read};

use crate::weights::fault::{Fault, Outcome};

/// Names of tensors and classes are shorter; longer texts are skipped.
const MAX_TEXT: u64 = 1 << 16;

pub(super) struct Input<'a>(pub(super) &'a mut dyn BufRead);

impl Input<'_> {
    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Outcome<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// An unsigned number of N bytes.
    pub(super) fn unsigned<const N: usize>(&mut self) -> Outcome<u64> {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.array::<N>()?);
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn skip(&mut self, length: u64) -> Outcome<()> {
        match io::copy(&mut Read::take(&mut *self.0, length), &mut io::sink())? {
            skipped if skipped == length => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    /// A text of that many bytes; `None` if it is too long to be a name.
    pub(super) fn text(&mut self, length: u64) -> Outcome<Option<Box<str>>> {
        if length > MAX_TEXT {
            return self.skip(length).map(|()| None);
        }
        let mut bytes = vec![0; length as usize];
        self.0.read_exact(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into()))
    }

    /// A two's complement number of that many bytes; `None` if it has more than sixteen.
    pub(super) fn long(&mut self, length: u64) -> Outcome<Option<i128>> {
        if length > 16 {
            return self.skip(length).map(|()| None);
        }
        let mut bytes = [0; 16];
        let used = &mut bytes[..length as usize];
        self.0.read_exact(used)?;
        if used.last().is_some_and(|&last| last >= 128) {
            bytes[length as usize..].fill(255);
        }
        Ok(Some(i128::from_le_bytes(bytes)))
    }

    /// The rest of a line, without its end.
    pub(super) fn line(&mut self) -> Outcome<String> {
        let mut bytes = Vec::new();
        Read::take(&mut *self.0, MAX_TEXT).read_until(b'\n', &mut bytes)?;
        match bytes.pop() {
            Some(b'\n') => Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned()),
            Some(_) if bytes.len() as u64 + 1 == MAX_TEXT => {
                Err(Fault::limit(format!("its pickle has a line of more than {MAX_TEXT} bytes")))
            }
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}
