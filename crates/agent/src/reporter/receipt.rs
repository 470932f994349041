//! Telling a report's sender that it need not be kept any longer.

use tokio::sync::mpsc;

/// Given once the control plane or the disk has a report.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    number: u64,
    to: mpsc::UnboundedSender<u64>,
}

impl Receipt {
    /// A receipt that sends `number` to `to`. What may be under way is bounded by its
    /// sender.
    #[must_use]
    pub(crate) fn new(number: u64, to: mpsc::UnboundedSender<u64>) -> Self {
        Self { number, to }
    }

    pub(super) fn give(&self) {
        // Whoever wanted it may be gone.
        let _gone = self.to.send(self.number);
    }
}
