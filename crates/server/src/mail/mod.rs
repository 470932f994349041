//! Mail: queued with the change it tells of, sent after. See `docs/onboarding.md`.

mod message;
mod outbox;
mod sender;
mod smtp;

pub(crate) use message::Message;
pub(crate) use outbox::Mailer;
pub(crate) use sender::{run, sweep};
