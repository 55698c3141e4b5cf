//! What comes from the processes that run cells.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::cell::Returned;
use super::outputs::{HELD_BYTES, Outputs, relock};
use super::state::State;
use super::tokenizer::{Token, Tokenizer};
use crate::child::markers::CELLS;
use crate::child::panics::Panic;
use crate::child::runtime;

impl Outputs {
    /// Takes the connections of the processes that run cells.
    pub(crate) fn listen(self: &Arc<Self>, listener: UnixListener) {
        let outputs = Arc::clone(self);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let outputs = Arc::clone(&outputs);
                let role = runtime::role(&mut stream);
                // A process connects its input first, the relay last.
                let mut state = outputs.lock();
                let process = state.processes;
                match role {
                    Ok(b'o') => {
                        let outputs = Arc::clone(&outputs);
                        std::thread::spawn(move || outputs.read(process, stream, "stdout"));
                    }
                    Ok(b'e') => {
                        let outputs = Arc::clone(&outputs);
                        std::thread::spawn(move || outputs.read(process, stream, "stderr"));
                    }
                    Ok(b'r') => {
                        state.relay = Some((process, stream));
                        outputs.changed.notify_all();
                    }
                    Ok(b'i') => {
                        state.processes += 1;
                        (state.input, state.given) = (Some(stream), 0);
                    }
                    _ => {}
                }
            }
        });
    }

    /// Reads an output of the process of this number.
    fn read(&self, process: u64, mut stream: UnixStream, name: &'static str) {
        let mut tokenizer = Tokenizer::default();
        let mut buffer = vec![0; HELD_BYTES];
        while let Ok(length) = stream.read(&mut buffer) {
            if length == 0 {
                break;
            }
            tokenizer.push(&buffer[..length]);
            while let Some(token) = tokenizer.next() {
                self.take(process, name, token);
            }
        }
        if let Some(token) = tokenizer.rest() {
            self.take(process, name, token);
        }
        self.lock().streams_ended += 1;
        self.changed.notify_all();
    }

    fn take(&self, process: u64, name: &'static str, token: Token) {
        let mut state = self.lock();
        state.tokens += 1;
        match token {
            Token::Text(text) => self.hold(&mut state, name, &text),
            Token::Content { mime, body } => self.content(&mut state, mime, body),
            Token::Value => {
                // A block may have shown something before it came to its value.
                self.publish_bundle(&mut state, false);
                state.shows_value = true;
            }
            Token::Start(library) => {
                state.started = Some(Instant::now());
                relock(&self.sources).loaded(Path::new(&library));
                *relock(&self.started) = state.started;
                drop(state);
                self.end_build();
            }
            Token::PanicFrame(fields) => {
                // The marker that the cell began comes by the other stream, maybe a little later.
                let (thread, panic) = Panic::of_fields(&fields);
                for _ in 0..200 {
                    let first = panic.frames.first();
                    if first.is_none_or(|it| relock(&self.sources).knows(it.build)) {
                        break;
                    }
                    drop(state);
                    std::thread::sleep(Duration::from_millis(1));
                    state = self.lock();
                }
                self.panicked(&mut state, thread, panic);
            }
            Token::ErrorAt(fields) => {
                self.publish_held(&mut state, None);
                let is_cell = fields.first().is_some_and(|file| file == CELLS);
                let number = |i: usize| fields.get(i)?.parse().ok();
                state.error_place = Some((0, 0));
                if let (true, Some(line), Some(column)) = (is_cell, number(1), number(2)) {
                    state.error_place = Some((line, column));
                }
            }
            Token::Returned(fields) => {
                let field = |i: usize| fields.get(i).map(String::as_str).unwrap_or_default();
                let kept = field(1).split(',').filter(|name| !name.is_empty());
                let kept = kept.map(str::to_owned).collect();
                state.returned = Some(Returned { line: field(0).parse().unwrap_or(0), kept });
            }
            Token::Panic => {
                state.panicked = true;
                self.relay(state, process, "EVCXR_PANIC_NOTIFICATION");
            }
            Token::Error => {
                // Or a `return`, which is no failure.
                state.failed = state.returned.is_none();
                if state.failed
                    && let Some(text) = state.take_held("stderr")
                {
                    state.error_text.push_str(&text);
                }
                self.relay(state, process, "EVCXR_ERROR_OCCURRED");
            }
            // evcxr compiles a cell once more that has found a variable of another type, and commits nothing
            // if that fails, as it does while the cell is asked to stop.
            Token::NotRun => self.relay(state, process, "EVCXR_VARIABLE_CHANGED_TYPE:"),
            Token::Changed(line) => {
                state.dropped.extend(line.split_once(':').map(|(_, name)| name.to_owned()));
                self.relay(state, process, &line);
            }
            Token::Input { prompt, password } => {
                self.publish_held(&mut state, None);
                drop(state);
                self.ask(prompt, password);
            }
            // Otherwise an answer is on its way already.
            Token::Waits(read) if state.given <= read => {
                self.publish_held(&mut state, None);
                drop(state);
                self.ask(String::new(), false);
            }
            Token::Waits(_) => {}
            Token::End if name == "stderr" => {
                state.error_ends += 1;
                self.changed.notify_all();
            }
            Token::End => {
                state.output_ends += 1;
                let mut state = self.wait_while(state, |s| s.error_ends < s.output_ends);
                self.publish_held(&mut state, None);
                self.relay(state, process, "EVCXR_EXECUTION_COMPLETE");
            }
        }
    }

    /// Hands a line to evcxr, by way of the process from which it comes, whose relay may be a moment later than its
    /// output; nothing of an ended process goes to the next one.
    fn relay(&self, state: MutexGuard<'_, State>, process: u64, line: &str) {
        let mut state = self.wait_while(state, |state| state.relayed() < process);
        if state.relayed() == process
            && let Some((_, relay)) = &mut state.relay
        {
            let _ = relay.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Notes the panic of a cell; tells that of another thread at once.
    fn panicked(&self, state: &mut State, thread: &str, panic: Panic) {
        if !thread.is_empty() {
            let place = relock(&self.sources).described(&panic);
            let text = format!("thread '{thread}' panicked {place}:\n{}\n", panic.message);
            self.hold(state, "stderr", &text);
        } else if !panic.is_the_end() || state.panic.is_none() {
            // One that cannot unwind hides the one that led to it.
            state.panic = Some(panic);
        }
    }
}
