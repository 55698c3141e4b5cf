//! What JavaScript calls: functions of numbers that answer 1, or 0 and a message, and places in memory
//! where bytes and numbers lie until the next call.

#![cfg_attr(
    target_family = "wasm",
    allow(unsafe_code, reason = "a name that JavaScript finds must not be mangled")
)]

use std::cell::RefCell;

use twoviews::data::{Palette, SHAPES10_CLASSES};
use twoviews::{Error, Result};

use crate::batch::Batch;
use crate::circle::Circle;
use crate::coupling::Coupling;
use crate::pictures::{self, Settings};
use crate::stored;
use crate::strengths::{self, Strengths};

#[derive(Default)]
struct Page {
    /// What JavaScript gives.
    input: Vec<u8>,
    bytes: Vec<u8>,
    numbers: Vec<f64>,
    message: String,
    batch: Option<Batch>,
    coupling: Option<Coupling>,
}

impl Page {
    /// Embeddings that lie in the input.
    fn stored(&self) -> Vec<i8> {
        self.input.iter().map(|byte| byte.cast_signed()).collect()
    }
}

thread_local! {
    // A page has one thread.
    static PAGE: RefCell<Page> = RefCell::default();
}

fn with<T>(f: impl FnOnce(&mut Page) -> T) -> T {
    PAGE.with_borrow_mut(f)
}

/// Runs what may fail and keeps the message.
fn answer(f: impl FnOnce(&mut Page) -> Result<()>) -> u32 {
    with(|page| {
        let found = f(page);
        page.message = found.as_ref().err().map(ToString::to_string).unwrap_or_default();
        u32::from(found.is_ok())
    })
}

/// Room for `length` bytes that a later call reads.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn input(length: usize) -> *mut u8 {
    with(|page| {
        page.input = vec![0; length];
        page.input.as_mut_ptr()
    })
}

/// Where the bytes of the last answer lie.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn bytes() -> *const u8 {
    with(|page| page.bytes.as_ptr())
}

/// How many there are.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn bytes_length() -> usize {
    with(|page| page.bytes.len())
}

/// Where the numbers of the last answer lie.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn numbers() -> *const f64 {
    with(|page| page.numbers.as_ptr())
}

/// How many there are.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn numbers_length() -> usize {
    with(|page| page.numbers.len())
}

/// Where the message of the last answer lies, in UTF-8.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn message() -> *const u8 {
    with(|page| page.message.as_ptr())
}

/// How many bytes it has.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn message_length() -> usize {
    with(|page| page.message.len())
}

/// The names of Shapes10's figures as bytes, one a line.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn class_names() -> u32 {
    answer(|page| {
        page.bytes = SHAPES10_CLASSES.join("\n").into_bytes();
        Ok(())
    })
}

/// Lesson 00: three pictures as bytes, each RGBA, (32, 32); as numbers top, left, height and width of
/// the two crops.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn two_views(
    class: u32,
    picture_seed: u32,
    vivid: u32,
    smallest_part: f64,
    jitter: f64,
    blur: f64,
    views_seed: u32,
) -> u32 {
    answer(|page| {
        let drawn = pictures::draw(&Settings {
            class: class as usize,
            picture_seed: picture_seed.into(),
            palette: palette(vivid),
            smallest_part,
            jitter,
            blur,
            views_seed: views_seed.into(),
        })?;
        page.bytes = drawn.rgba();
        let sides = drawn.crops.iter().flat_map(|it| [it.top, it.left, it.height, it.width]);
        page.numbers = sides.map(|side| side as f64).collect();
        Ok(())
    })
}

/// Lesson 01: takes the embeddings that lie in the input, (2, N, `width`), as signed bytes.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn load_embeddings(width: usize) -> u32 {
    answer(|page| {
        page.batch = Some(Batch::new(&page.stored(), width)?);
        Ok(())
    })
}

/// Takes the first `n` images of the embeddings.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn resize_batch(n: usize) -> u32 {
    answer(|page| loaded(&mut page.batch)?.resize(n))
}

/// As numbers InfoNCE, DCL, q (2N) and the shares of the gradient (2N).
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn batch_numbers(temperature: f64) -> u32 {
    answer(|page| {
        page.numbers = loaded(&mut page.batch)?.numbers(temperature)?;
        Ok(())
    })
}

/// The picture of the similarities as bytes, RGBA, (2N, 2N).
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn batch_picture(temperature: f64) -> u32 {
    answer(|page| {
        page.bytes = loaded(&mut page.batch)?.picture(temperature);
        Ok(())
    })
}

/// The cosines of an anchor with all embeddings of the batch as numbers, (2N).
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn batch_row(anchor: usize) -> u32 {
    answer(|page| {
        let similarities = loaded(&mut page.batch)?.similarities();
        let mut rows = similarities.cosines().chunks_exact(2 * similarities.num_images());
        let row = rows.nth(anchor).ok_or_else(|| {
            Error::parameter("anchor", anchor, "below 2 N", "Anchors are counted from 0.")
        })?;
        page.numbers = row.to_vec();
        Ok(())
    })
}

/// Lesson 04: as numbers alignment, uniformity, InfoNCE and DCL, then the angles of the embeddings (2N).
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn circle(arc: f64, apart: f64, temperature: f64) -> u32 {
    answer(|page| {
        let circle = Circle { arc, apart };
        page.numbers = circle.numbers(temperature)?;
        page.numbers.extend(circle.angles());
        Ok(())
    })
}

/// Lesson 02: takes the embeddings that lie in the input, (2, N, `width`), as signed bytes.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn load_coupling(width: usize) -> u32 {
    answer(|page| {
        page.coupling = Some(Coupling::new(stored::two_views(&page.stored())?, width)?);
        Ok(())
    })
}

/// Deals their images into batches of `n`.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn deal_coupling(n: usize) -> u32 {
    answer(|page| loaded(&mut page.coupling)?.deal(n))
}

/// As numbers the mean of q, length and cosine of the gradients, then the bars of q.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn coupling_numbers(temperature: f64) -> u32 {
    answer(|page| {
        page.numbers = loaded(&mut page.coupling)?.numbers(temperature)?;
        Ok(())
    })
}

/// Lesson 03: a picture and its views as bytes, each RGBA, (32, 32); as numbers what has become of it, then top,
/// left, height and width of each view.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn strengths(
    class: u32,
    picture_seed: u32,
    vivid: u32,
    smallest_part: f64,
    mirror: f64,
    turn: f64,
    light: f64,
    hue: f64,
    grey: f64,
    blur: f64,
    views_seed: u32,
) -> u32 {
    answer(|page| {
        let row = strengths::draw(&Strengths {
            class: class as usize,
            picture_seed: picture_seed.into(),
            palette: palette(vivid),
            smallest_part,
            mirror,
            turn,
            light,
            hue,
            grey,
            blur,
            views_seed: views_seed.into(),
        })?;
        page.bytes = row.rgba();
        page.numbers = row.numbers();
        let sides = row.crops.iter().flat_map(|it| [it.top, it.left, it.height, it.width]);
        page.numbers.extend(sides.map(|side| side as f64));
        Ok(())
    })
}

fn palette(vivid: u32) -> Palette {
    if vivid == 0 { Palette::Muted } else { Palette::Vivid }
}

fn loaded<T>(stored: &mut Option<T>) -> Result<&mut T> {
    let hint = "Load them first.";
    stored.as_mut().ok_or_else(|| Error::parameter("embeddings", "none", "loaded ones", hint))
}
