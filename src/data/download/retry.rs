//! How long a download waits, and how often it tries again.

use std::time::{Duration, Instant};

use twoviews_constants::variable;

use super::Failure;

/// How often a wait looks whether the user has interrupted it.
pub(super) const POLL: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// For a name to be resolved and a connection to be made.
    pub(super) connect_timeout: Duration,
    /// Between two chunks of a response.
    pub(super) read_timeout: Duration,
    /// How often a transfer that broke off is taken up again.
    pub(super) resumptions: u32,
    /// Before the first resumption; twice as long before each further one.
    pause: Duration,
}

impl RetryPolicy {
    /// The project's own tests shorten every wait by a factor that they set in the environment.
    pub(crate) fn new() -> Self {
        let factor = std::env::var(variable::TEST_WAIT_FACTOR).ok().and_then(|v| v.parse().ok());
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds * factor.unwrap_or(1.0_f64));
        Self {
            connect_timeout: seconds(10.0),
            read_timeout: seconds(30.0),
            resumptions: 5,
            pause: seconds(0.5),
        }
    }

    /// How often a request is made again.
    pub(crate) fn resumptions(&self) -> u32 {
        self.resumptions
    }

    /// Waits before resumption number `resumption`, counted from 1.
    pub(crate) fn pause(&self, resumption: u32) -> Result<(), Failure> {
        let end = Instant::now() + self.pause * (1 << (resumption - 1));
        loop {
            Failure::check_interrupt()?;
            match end.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return Ok(()),
                rest => std::thread::sleep(rest.min(POLL)),
            }
        }
    }
}
