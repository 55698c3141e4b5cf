//! A line for the user.

use super::Host;

/// Says `line`, apart from results where there is such a place: a notebook shows the error stream
/// as an alarm.
pub(crate) fn note(line: &str) {
    match Host::detect() {
        Host::Terminal | Host::Pipe => eprintln!("{line}"),
        Host::TwoviewsKernel | Host::StockEvcxr => println!("{line}"),
    }
}
