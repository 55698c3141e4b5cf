//! Freed memory stays with the process while an encoder lives, and goes back afterwards.
//!
//! A program of its own: the harness runs tests in threads, whose memory glibc keeps elsewhere.

#[path = "support/process_memory.rs"]
mod process_memory;

use process_memory::process_memory;
use tch::Device;
use twoviews::encode::{InferenceEncoder, Precision};
use twoviews::estimator::{DCL, DCLConfig};
use twoviews::models::EncoderKind;

const MB: usize = 1 << 20;

/// Memory of this process, in MB.
fn resident() -> usize {
    process_memory("VmRSS").unwrap() as usize / MB
}

fn use_and_free(megabytes: usize) {
    drop(std::hint::black_box(vec![1u8; megabytes * MB]));
}

fn main() {
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) {
        println!("skipped: the C library is not glibc");
        return;
    }
    let config = DCLConfig { encoder: EncoderKind::ResNet8, ..Default::default() };
    let model = DCL::new(config, Device::Cpu).unwrap();
    let start = resident();
    use_and_free(200);
    assert!(resident() < start + 100, "without an encoder nothing is kept");
    let encoders = [(); 2].map(|()| InferenceEncoder::new(&model.encoder, Precision::Float32));
    use_and_free(200);
    assert!(resident() > start + 150, "{} MB, {start} before", resident());
    let [first, second] = encoders;
    drop(first);
    assert!(resident() > start + 150, "one encoder still lives");
    drop(second);
    assert!(resident() < start + 100, "{} MB, {start} before", resident());
    use_and_free(200);
    assert!(resident() < start + 100, "blocks are mapped again");
    println!("test freed_memory_is_kept_while_an_encoder_lives ... ok");
}
