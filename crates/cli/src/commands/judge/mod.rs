//! `alpacon judge`.

mod check;

use crate::error::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Judge command lines offline: JSON Lines on stdin, verdicts on stdout.
    #[command(after_help = check::HELP)]
    Check,
}

pub(crate) fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Check => check::run(),
    }
}
