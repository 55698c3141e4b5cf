//! The control channel: what is answered at once, also while a cell runs.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::Result;
use zeromq::RouterSocket;

use super::info::kernel_info;
use super::kernel::Kernel;
use crate::build::compilers;
use crate::protocol::{
    Content, Empty, ErrorContent, Reply, Request, Shutdown, ShutdownRequest, Status,
};

/// Time for a cell to answer an interrupt before its process is ended, in seconds.
const GRACE: &str = "TWOVIEWS_INTERRUPT_GRACE";
/// How often it is looked whether a cell has stopped, and for a compiler that was started meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Kernel {
    /// Answers until a shutdown request.
    pub(super) async fn control(&self, control: RouterSocket) -> Result<()> {
        let (mut send, mut receive) = control.split();
        loop {
            let Some(request) = self.request(&mut receive).await else { continue };
            self.status_soon(&request, Status::Busy);
            let content = match Request::of(&request) {
                Request::KernelInfo => Content::KernelInfoReply(Reply::Ok(kernel_info())),
                Request::Interrupt => Content::InterruptReply(self.interrupt()),
                Request::Shutdown(ShutdownRequest { restart }) => {
                    Content::ShutdownReply(Reply::Ok(Shutdown { restart }))
                }
                _ => {
                    eprintln!("unknown message on the control channel: {:?}", request.kind());
                    self.status_soon(&request, Status::Idle);
                    continue;
                }
            };
            self.answer(&mut send, &request, &content).await;
            let shut_down = matches!(content, Content::ShutdownReply(_));
            if shut_down {
                self.end_process();
                self.broadcast_soon(&request.header, &content);
            }
            self.status_soon(&request, Status::Idle);
            if shut_down {
                self.publisher.drain().await;
                // What is on its way to the client shall arrive.
                tokio::time::sleep(Duration::from_millis(100)).await;
                return Ok(());
            }
        }
    }

    /// Asks the cell to stop; ends it if it does not listen.
    pub(super) fn interrupt(&self) -> Reply<Empty> {
        // Meant for a cell that has ended already, it must not stop the next one.
        if !self.outputs.is_busy() {
            return Reply::Ok(Empty {});
        }
        let number = match self.outputs.interrupts.ask() {
            Ok(Some(number)) => number,
            Ok(None) => return Reply::Ok(Empty {}),
            Err(error) => {
                let why = format!("the cell cannot be asked to stop: {error}");
                return Reply::Error(ErrorContent::of_the_kernel(&why));
            }
        };
        let seconds = std::env::var(GRACE).ok().and_then(|text| text.parse().ok()).unwrap_or(10.0);
        let kernel = self.clone();
        let grace = Duration::from_secs_f64(seconds);
        std::thread::spawn(move || kernel.see_to_the_end(number, grace));
        Reply::Ok(Empty {})
    }

    /// Until the cell has stopped: ends compilers as long as it does not run, and its process if it runs and does
    /// not answer within `grace`.
    fn see_to_the_end(&self, number: u64, grace: Duration) {
        let interrupts = &self.outputs.interrupts;
        let mut patience = Instant::now() + grace;
        let mut running = None;
        while interrupts.holds(number) {
            let started = self.outputs.started();
            if started.is_none() {
                interrupts.stop(number, compilers::end);
            }
            if started.is_none() || started != running {
                running = started;
                patience = Instant::now() + grace;
            } else if Instant::now() >= patience {
                interrupts.stop(number, || {
                    if self.outputs.started() == running {
                        self.end_process();
                    }
                });
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    pub(super) fn end_process(&self) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = process.as_ref() {
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    }
}
