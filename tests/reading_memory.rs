//! How much memory reading a checkpoint takes. One test, because the peak is of the whole process.

#[path = "support/process_memory.rs"]
mod process_memory;
#[path = "support/torch_save.rs"]
mod torch_save;

use process_memory::process_memory;
use torch_save::{checkpoint, dict, pickle, tensor};
use twoviews::weights::{read_state_dict, save_state_dict};

const MB: usize = 1 << 20;

#[test]
fn a_checkpoint_takes_the_memory_of_its_tensors() {
    // Sets the peak back to what is used now.
    if !cfg!(target_os = "linux") || std::fs::write("/proc/self/clear_refs", "5").is_err() {
        println!("skipped: this system does not set the peak of memory back");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.ckpt");
    for (what, count, shape, strides) in [
        ("one tensor", 1, [2048, 2048], [2048, 1]),
        ("many tensors", 16, [512, 512], [512, 1]),
        ("transposed ones", 16, [512, 512], [1, 512]),
    ] {
        let numbers = vec![0.5f32; (shape[0] * shape[1]) as usize];
        let names: Vec<String> = (0..count).map(|key| format!("w{key}")).collect();
        let items: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(key, name)| (name.as_str(), tensor(key, 0, &shape, &strides)))
            .collect();
        let storages = vec![numbers.as_slice(); count];
        std::fs::write(&path, checkpoint(&pickle(&dict(&items)), &storages)).unwrap();
        for format in ["torch.save", "safetensors"] {
            let size = std::fs::metadata(&path).unwrap().len() as usize;
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            let before = process_memory("VmRSS").unwrap() as usize;
            let tensors = read_state_dict(&path).unwrap();
            let used = process_memory("VmHWM").unwrap() as usize - before;
            assert_eq!(tensors.len(), count);
            assert!(used <= size + size / 5 + 4 * MB, "{what}, {format}: {used} bytes for {size}");
            save_state_dict(&tensors, &path).unwrap();
        }
    }
}
