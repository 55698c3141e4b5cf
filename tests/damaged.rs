//! Files that are damaged or made to do harm: an error or the right tensors, never a panic, and
//! never more memory than the file has bytes, and a little.

#[path = "support/torch_save.rs"]
mod torch_save;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use proptest::prelude::*;
use torch_save::{checkpoint, dict, pickle, tensor, text};
use twoviews::Error;
use twoviews::weights::{StateDict, read_state_dict};

/// Counts what Rust's side allocates; libtorch's is counted by the tensors' sizes.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// The tests of this file count one after the other.
static ONE: Mutex<()> = Mutex::new(());

#[allow(unsafe_code, reason = "an allocator")]
// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Reads a file of these bytes, and fails if that takes more than `limit` bytes of memory.
fn read(bytes: &[u8], limit: usize) -> Result<StateDict, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.ckpt");
    std::fs::write(&path, bytes).unwrap();
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = read_state_dict(&path);
    let peak = PEAK.load(Relaxed) - before;
    assert!(peak <= limit, "{peak} bytes for a file of {}", bytes.len());
    if let Ok(tensors) = &result {
        let own = |tensor: &tch::Tensor| {
            let dense = tensor.is_contiguous();
            if dense { tensor.numel() * tensor.kind().elt_size_in_bytes() } else { 0 }
        };
        let total: usize = tensors.values().map(own).sum();
        assert!(total <= 4 * bytes.len(), "{total} bytes from a file of {}", bytes.len());
    }
    result
}

/// For files of a few kB.
const SMALL: usize = 2 << 20;

fn genuine() -> (tempfile::TempDir, Vec<PathBuf>) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
    let folder = tempfile::tempdir().unwrap();
    let archive = std::fs::File::open(fixtures.join("genuine.tar.gz")).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(folder.path()).unwrap();
    let mut paths = vec![fixtures.join("odd.ckpt")];
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            paths.extend(std::fs::read_dir(entry).unwrap().map(|file| file.unwrap().path()));
        }
    }
    paths.sort();
    (folder, paths)
}

/// Numbers that look random and are the same each time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn cut_and_changed_files_do_no_harm() {
    let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
    let long = std::env::var_os("TWOVIEWS_LONG").is_some_and(|long| long == "1");
    let rounds = if long { 300 } else { 8 };
    let (_folder, paths) = genuine();
    let mut draws = Draws(1);
    let (mut refused, mut tried) = (0, 0);
    for path in paths {
        let whole = std::fs::read(&path).unwrap();
        for round in 0..rounds {
            let mut bytes = whole.clone();
            if round % 2 == 0 {
                bytes.truncate(draws.below(whole.len()));
            } else {
                for _ in 0..=draws.below(4) {
                    let place = draws.below(bytes.len());
                    bytes[place] ^= 1 << draws.below(8);
                }
            }
            tried += 1;
            match read(&bytes, SMALL + 40 * bytes.len()) {
                Err(Error::Format { .. }) => refused += 1,
                Err(other) => panic!("{}: {other}", path.display()),
                Ok(_) => {}
            }
        }
    }
    assert!(refused > tried / 3, "{refused} of {tried}");
}

#[test]
fn pickles_made_to_fill_the_memory_are_refused() {
    let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
    let deep = [vec![b']'; 100_000], vec![b'a'; 99_999]].concat();
    // Forty dicts, each of which holds the one before it twice: 2^40 names.
    let mut doubled = tensor(0, 0, &[1], &[1]);
    for level in 0..40u8 {
        doubled.extend([b'q', level, b'}', b'q', level + 100, b'(']);
        for key in ["a", "b"] {
            doubled.extend(text(key));
            doubled.extend([b'h', level]);
        }
        doubled.push(b'u');
    }
    let claims = |opcode: &[u8], length: &[u8]| [b"]", opcode, length, b"x"].concat();
    for (what, opcodes) in [
        ("deep", deep),
        ("doubled", doubled),
        ("text", claims(b"X", &u32::MAX.to_le_bytes())),
        ("text of 2^63", claims(b"\x8d", &(1u64 << 63).to_le_bytes())),
        ("bytes of 2^64", claims(b"\x8e", &u64::MAX.to_le_bytes())),
        ("integer", claims(b"\x8b", &u32::MAX.to_le_bytes())),
        ("no stack", b"aaa".to_vec()),
        ("no mark", b"]t".to_vec()),
        ("no memo", b"j\xff\xff\xff\xff".to_vec()),
        ("across a mark", b"](a".to_vec()),
        ("no class", b"(o".to_vec()),
        ("class without a name", b"]]\x93".to_vec()),
    ] {
        let bytes = checkpoint(&pickle(&opcodes), &[&[1.0]]);
        let error = read(&bytes, 64 << 20).expect_err(what);
        assert!(matches!(error, Error::Format { .. }), "{what}: {error}");
    }
    // A long list that is in many others: looking at it each time would take for ever.
    let long = [b"(".to_vec(), [b'N'].repeat(300_000), b"lq\x00".to_vec()].concat();
    let wide = [b"(".to_vec(), b"h\x00".repeat(300_000), b"l".to_vec()].concat();
    let start = std::time::Instant::now();
    let bytes = checkpoint(&pickle(&[b"(".to_vec(), long, wide, b"l".to_vec()].concat()), &[]);
    assert!(read(&bytes, 128 << 20).is_err());
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    // A shape of very many dimensions that many tensors have.
    let dimensions = [1i64; 5_000];
    let deep = tensor(0, 0, &dimensions, &dimensions);
    let error = read(&checkpoint(&pickle(&dict(&[("w", deep)])), &[&[1.0]]), 16 << 20);
    assert!(error.unwrap_err().to_string().contains("w has no size"));
    // A place in the memo may have any number.
    let far = pickle(b"r\xff\xff\xff\xff");
    read(&checkpoint(&far, &[]), SMALL).expect_err("nothing to remember");
    let far = [dict(&[("w", tensor(0, 0, &[1], &[1]))]), b"r\xff\xff\xff\xff".to_vec()].concat();
    assert_eq!(read(&checkpoint(&pickle(&far), &[&[1.0]]), SMALL).unwrap().len(), 1);
}

#[test]
fn tensors_outside_of_their_storage_are_refused() {
    let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let read = |offset, shape: &[i64], strides: &[i64]| {
        let content = dict(&[("w", tensor(0, offset, shape, strides))]);
        read(&checkpoint(&pickle(&content), &[&numbers]), SMALL)
    };
    for (offset, shape, strides) in [
        (0, &[7][..], &[1][..]),
        (1, &[6], &[1]),
        (-1, &[2], &[1]),
        (0, &[2], &[-1]),
        (0, &[-2], &[1]),
        (0, &[2, 2], &[1]),
        (0, &[2], &[i64::MAX]),
        (i64::MAX, &[2], &[1]),
        (0, &[i64::MAX, i64::MAX], &[0, 0]),
        (0, &[1 << 62, 8], &[0, 0]),
        (0, &[0, i64::MAX, i64::MAX], &[1, 1, 1]),
    ] {
        let error = read(offset, shape, strides).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{shape:?} {strides:?}: {error}");
        assert!(error.to_string().contains("w of shape"), "{error}");
    }
    // An expanded tensor takes no memory, however many numbers it has.
    let expanded = read(2, &[1 << 40, 2], &[0, 1]).unwrap();
    assert_eq!(expanded["w"].size(), [1 << 40, 2]);
    assert_eq!(expanded["w"].double_value(&[1 << 39, 1]), 4.0);
}

#[test]
fn the_same_bytes_under_many_names_do_not_fill_the_memory() {
    let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
    let numbers = vec![1.5f32; 10_000];
    let names: Vec<String> = (0..1000).map(|i| format!("w{i}")).collect();
    let turned = tensor(0, 0, &[100, 100], &[1, 100]);
    let items: Vec<_> = names.iter().map(|name| (name.as_str(), turned.clone())).collect();
    let bytes = checkpoint(&pickle(&dict(&items)), &[&numbers]);
    let tensors = read(&bytes, 4 << 20).unwrap();
    assert_eq!(tensors["w999"].double_value(&[3, 4]), 1.5);
}

#[test]
fn records_that_lie_over_one_another_are_refused() {
    let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
    let numbers = vec![1.5f32; 10_000];
    let names: Vec<String> = (0..50).map(|i| format!("w{i}")).collect();
    let whole = |key| tensor(key, 0, &[10_000], &[1]);
    let items: Vec<_> =
        names.iter().enumerate().map(|(key, name)| (name.as_str(), whole(key))).collect();
    let one: &[f32] = &numbers;
    let storages: Vec<&[f32]> = (0..50).map(|key| if key == 0 { one } else { &one[..1] }).collect();
    let mut bytes = checkpoint(&pickle(&dict(&items)), &storages);
    // In the archive's directory, every storage gets checksum, sizes and place of the first.
    let entries: Vec<usize> = (0..bytes.len() - 4)
        .filter(|&at| {
            &bytes[at..at + 4] == b"PK\x01\x02" && bytes[at + 46..].starts_with(b"x/data/")
        })
        .collect();
    assert_eq!(entries.len(), 50);
    for &entry in &entries[1..] {
        bytes.copy_within(entries[0] + 16..entries[0] + 28, entry + 16);
        bytes.copy_within(entries[0] + 42..entries[0] + 46, entry + 42);
    }
    let error = read(&bytes, SMALL).unwrap_err().to_string();
    assert!(error.contains("more bytes than the file"), "{error}");
}

#[test]
fn changed_numbers_are_noticed() {
    let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
    let content = pickle(&dict(&[("w", tensor(0, 0, &[3], &[1]))]));
    let whole = checkpoint(&content, &[&[1.0, 2.0, 3.0]]);
    let place = whole.windows(4).position(|bytes| bytes == 2f32.to_le_bytes()).unwrap();
    let mut changed = whole.clone();
    changed[place] ^= 1;
    assert!(read(&whole, SMALL).is_ok());
    let error = read(&changed, SMALL).unwrap_err().to_string();
    assert!(error.contains("checksum of w"), "{error}");
}

proptest! {
    /// Wherever a tensor lies, its numbers are those of its strides, or it is refused.
    #[test]
    fn a_tensor_has_the_numbers_of_its_strides(
        offset in 0i64..8,
        dimensions in prop::collection::vec((0i64..5, 0i64..7), 0..4),
    ) {
        let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
        let numbers: Vec<f32> = (0..24).map(|number| number as f32).collect();
        let (shape, strides): (Vec<i64>, Vec<i64>) = dimensions.into_iter().unzip();
        let mut places = vec![offset];
        for (size, stride) in shape.iter().zip(&strides) {
            let steps = |place: i64| (0..*size).map(move |index| place + index * stride);
            places = places.into_iter().flat_map(steps).collect();
        }
        let content = pickle(&dict(&[("w", tensor(0, offset, &shape, &strides))]));
        match read(&checkpoint(&content, &[&numbers]), SMALL) {
            Ok(tensors) => {
                let found: Vec<f32> = Vec::try_from(tensors["w"].reshape(-1)).unwrap();
                let places: Vec<f32> = places.into_iter().map(|place| place as f32).collect();
                prop_assert_eq!(tensors["w"].size(), shape);
                prop_assert_eq!(found, places);
            }
            Err(error) => prop_assert!(places.iter().any(|&place| place >= 24), "{}", error),
        }
    }
}
