//! Commands: those that this kernel knows better than evcxr, and evcxr's own.

pub(crate) mod help;
mod table;
mod variables;

use serde_json::{Value, json};

use crate::build::cargo::LEVEL;
use crate::evaluator::engine::{Engine, prelude};
use crate::evaluator::errors::Failure;
use crate::evaluator::job::CellRequest;
use crate::evaluator::notebook::ledger::Event;
use crate::protocol::{Content, Display};
use crate::source::commands::Command;

/// Commands that change nothing: where code stands before them, they are answered after it.
pub(crate) fn only_asks(command: &Command) -> bool {
    [":vars", ":why", ":type", ":t", ":doc", ":help", ":explain", ":show_deps"]
        .contains(&command.name())
}

impl Engine {
    /// Answers a command.
    pub(crate) fn command(
        &mut self,
        command: &Command,
        request: &CellRequest,
    ) -> Result<(), Failure> {
        let arguments = command.arguments();
        let answered = match command.name() {
            ":vars" => self.show_variables(),
            ":why" => self.show_why(arguments.trim_matches('`')),
            // evcxr would end this process, and Jupyter start another.
            ":quit" => {
                self.quits = true;
                let text = "a console ends with this; a notebook's kernel is shut down by Jupyter";
                self.show(json!({"text/plain": text}));
                Ok(())
            }
            ":timing" => self.toggle_timing(),
            ":opt" => self.set_optimisation(arguments),
            ":fmt" | ":types" => self.set_value_format(command.name(), arguments),
            _ => self.ask_evcxr(command, request.cell.execution_count),
        };
        answered.map_err(|message| {
            if self.outputs.interrupts.is_asked() {
                return Failure::interrupted("stopped in a command; all variables are kept");
            }
            let line = request.code.lines().nth(command.line - 1).unwrap_or_default();
            Failure::new("Error", &message, &[format!("{} | {line}", command.line)])
        })
    }

    fn show_variables(&mut self) -> Result<(), String> {
        let held = self.variables();
        let outcome = self.run_hidden(&variables::measure(&held));
        self.show(variables::all(&held, &outcome.measures.unwrap_or_default()));
        Ok(())
    }

    fn show_why(&self, name: &str) -> Result<(), String> {
        let Some(why) = self.notebook.ledger.why(name) else {
            let known: Vec<&str> = self.notebook.ledger.names().collect();
            return Err(match name {
                "" => format!("which variable? `:why NAME`, of {}", known.join(", ")),
                _ => format!("no cell has bound `{name}`; known are {}", known.join(", ")),
            });
        };
        self.show(json!({"text/plain": why}));
        Ok(())
    }

    fn toggle_timing(&mut self) -> Result<(), String> {
        self.settings.timing = !self.settings.timing;
        self.show(json!({"text/plain": format!("Timing: {}", self.settings.timing)}));
        Ok(())
    }

    fn set_optimisation(&mut self, level: &str) -> Result<(), String> {
        let present = self.settings.level.as_deref().unwrap_or("2");
        let level = match level {
            // As evcxr does.
            "" if present == "2" => "0",
            "" => "2",
            level if ["0", "1", "2", "3", "s", "z"].contains(&level) => level,
            other => {
                return Err(format!("`{other}` is no level of optimisation: 0, 1, 2, 3, s or z"));
            }
        }
        .to_owned();
        // Crates keep theirs, and so do the types of variables.
        self.evcxr(&format!(":build_env {LEVEL}={level}"))?;
        self.show(json!({"text/plain": format!("Optimization: {level}")}));
        self.settings.level = Some(level);
        Ok(())
    }

    fn set_value_format(&mut self, command: &str, format: &str) -> Result<(), String> {
        let chosen = &mut self.settings.value_format;
        match (command, format) {
            (":types", _) => chosen.types = !chosen.types,
            (_, "") => {}
            (_, format) if format.contains('{') && format.contains('}') => {
                chosen.format = format.to_owned();
            }
            (_, other) => {
                return Err(format!(
                    "`{other}` is no format: write `:fmt {{:?}}`, `:fmt {{:#?}}` or `:fmt {{}}`"
                ));
            }
        }
        let text = format!("Format: {}, types: {}", chosen.format, chosen.types);
        let module = prelude::module(chosen);
        self.run_hidden(&module);
        self.show(json!({"text/plain": text}));
        Ok(())
    }

    /// A command that evcxr answers; `:clear` and `:restart` begin a new process.
    fn ask_evcxr(&mut self, command: &Command, count: i64) -> Result<(), String> {
        let (process, before) = (self.process(), self.variables());
        let answered = self.evcxr(&command.text);
        // Also if the command has failed because there was no process any more.
        if self.process() != process {
            if command.name() == ":clear" {
                self.notebook.clear();
            }
            for (name, _) in &before {
                let cause = format!("`{}` began a new process", command.name());
                self.notebook.ledger.note(name, count, Some(command.line), Event::Lost { cause });
            }
            self.notebook.hold(&[]);
            self.prepare_process();
        }
        match (command.name(), answered?) {
            (":help", Some(shown)) => {
                self.show(help::help(shown["text/plain"].as_str().unwrap_or_default()));
            }
            (_, Some(shown)) => self.show(shown),
            (_, None) => {}
        }
        Ok(())
    }

    fn show(&self, data: Value) {
        self.outputs.publish(Content::DisplayData(Display::new(data)));
    }

    /// Gives evcxr a command; what it answers.
    fn evcxr(&mut self, command: &str) -> Result<Option<Value>, String> {
        let Some(context) = &mut self.context else { return Err("evcxr is not ready".to_owned()) };
        let result = context.execute(command);
        self.outputs.end_build();
        let shown = result.map_err(|error| error.to_string().trim().to_owned())?;
        let answer = &shown.content_by_mime_type;
        Ok((!answer.is_empty()).then(|| json!(answer)))
    }
}
