//! A cell from its text to its end: commands and code in order ([`cell`]), compilation in as many
//! attempts as it needs ([`attempts`], [`make_way`]), errors in the words that fit a notebook
//! ([`explain`], [`causes`]), what came of it ([`end`]), and what it leaves behind ([`aftermath`]).

mod aftermath;
mod attempts;
mod causes;
mod cell;
mod end;
mod explain;
mod make_way;
