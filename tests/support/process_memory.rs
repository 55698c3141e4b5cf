//! The memory of this process, as Linux tells it; tests, benches and examples use this one.

/// A figure in bytes, such as `VmRSS` (what is resident now) or `VmHWM` (the largest so far); `None`
/// where the system does not tell.
pub fn process_memory(figure: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}
