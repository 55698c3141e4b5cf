//! The Jupyter messaging protocol, version 5.4: the [connection file](ConnectionFile), [messages](Message)
//! as signed frames ([`Session`]), what clients ask ([`Request`]) and what the kernel says
//! ([`Content`]).
//!
//! Requests are read leniently: clients differ, and one wrong field is no reason to lose a request.

mod broadcasts;
mod connection;
mod content;
mod message;
mod replies;
mod requests;

pub(crate) use broadcasts::{
    ClearOutput, CommClose, Display, Empty, ErrorContent, ExecuteInput, ExecuteResult,
    IopubWelcome, Status, Stream,
};
pub(crate) use connection::ConnectionFile;
pub(crate) use content::Content;
#[cfg(test)]
pub(crate) use message::tests::session;
pub(crate) use message::{Message, PROTOCOL, Session};
pub(crate) use replies::{
    CommInfo, Completion, CompletionItem, ExecuteReply, HelpLink, History, HistoryEntry,
    InputRequest, Inspection, IsComplete, KernelInfo, LanguageInfo, Reply, Shutdown, Timing,
};
pub(crate) use requests::{
    ExecuteRequest, HistoryAccess, HistoryRequest, Request, ShutdownRequest,
};
