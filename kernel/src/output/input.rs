//! What a cell reads: the user is asked, and the process of the cells gets the answer.

use std::io::Write;
use std::sync::mpsc;

use super::cell::Question;
use super::outputs::Outputs;
use crate::child::markers::END_OF_INPUT;

impl Outputs {
    pub(super) fn ask(&self, prompt: String, password: bool) {
        let (sender, answer) = mpsc::channel();
        let question = Question { prompt, password, answer: sender };
        let line = self.questions.send(question).ok().and_then(|()| answer.recv().ok()).flatten();
        self.give_input(line.as_deref());
    }

    /// Answers a process that waits on its standard input; `None` ends the input.
    fn give_input(&self, line: Option<&str>) {
        let bytes =
            line.map_or_else(|| vec![END_OF_INPUT], |line| format!("{line}\n").into_bytes());
        let mut state = self.lock();
        state.given += bytes.len() as u64;
        if let Some(input) = &mut state.input {
            let _ = input.write_all(&bytes);
        }
    }
}
