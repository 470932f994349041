//! The reports that wait to be sent: in memory, on disk, or both. First in,
//! first out, so that a command's end follows its output.

use std::time::Instant;

use super::queue::{Place, Queue};
use super::receipt::Receipt;
use super::report::CommandReport;
use super::spool::{Leftover, Spool, SpoolError, SpoolId};

/// Output held in memory, in bytes; more goes to disk or waits.
const MEMORY_LIMIT: usize = 4 * 1024 * 1024;
/// Reports of any kind.
const MAX_REPORTS: usize = 36_000;
/// A longer spooled report leaves its body on disk only.
const INLINE_LIMIT: usize = 64 * 1024;
/// Every report has the same priority: order matters more.
const PRIORITY: u8 = 10;
/// One batch, in reports and bytes.
const BATCH_REPORTS: usize = 256;
const BATCH_BYTES: usize = 512 * 1024;

/// A report that was taken to be sent, and must be settled.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What to send.
    pub(crate) report: CommandReport,
    /// How often the server refused it.
    pub(crate) refusals: u32,
    /// How often it was tried.
    pub(crate) attempts: u32,
    place: Place,
    spooled: Option<SpoolId>,
    receipt: Option<Receipt>,
}

/// The waiting reports.
#[derive(Debug)]
pub(crate) struct Lane {
    queue: Queue<Pending>,
    spool: Option<Spool>,
    memory: usize,
    in_flight: usize,
    failing: bool,
    batch_limit: usize,
}

#[derive(Debug)]
struct Pending {
    command: String,
    body: Option<CommandReport>,
    spooled: Option<SpoolId>,
    is_final: bool,
    refusals: u32,
    attempts: u32,
    /// Given once the report is on disk or arrived.
    receipt: Option<Receipt>,
}

impl Lane {
    /// A lane that first sends what is left from an earlier run. Without a spool
    /// nothing survives a restart.
    #[must_use]
    pub(crate) fn new(spool: Option<Spool>, leftovers: Vec<Leftover>) -> Self {
        let mut queue = Queue::default();
        for leftover in leftovers {
            queue.push(
                PRIORITY,
                Pending {
                    command: leftover.command,
                    body: None,
                    spooled: Some(leftover.id),
                    is_final: leftover.is_final,
                    refusals: 0,
                    attempts: 0,
                    receipt: None,
                },
            );
        }
        Self {
            queue,
            spool,
            memory: 0,
            in_flight: 0,
            failing: false,
            batch_limit: BATCH_REPORTS,
        }
    }

    /// Adds a report.
    ///
    /// # Errors
    /// Gives output back when there is no room for it now.
    pub(crate) fn push(&mut self, report: CommandReport) -> Result<(), CommandReport> {
        self.push_with(report, None)
    }

    /// Adds a report whose sender waits for a receipt.
    ///
    /// # Errors
    /// Gives it back when there is no room for it now.
    pub(crate) fn push_with(
        &mut self,
        report: CommandReport,
        receipt: Option<Receipt>,
    ) -> Result<(), CommandReport> {
        let is_final = report.is_final();
        let fits_memory =
            self.memory + report.size() <= MEMORY_LIMIT && self.queue.len() < MAX_REPORTS;
        let may_wait = !is_final && !report.is_ack();
        let to_disk = is_final || (may_wait && (self.failing || !fits_memory));
        let spooled = if to_disk { self.keep(&report) } else { None };
        if may_wait && spooled.is_none() && !fits_memory {
            return Err(report);
        }
        let leave_on_disk = spooled.is_some() && (may_wait || report.size() > INLINE_LIMIT);
        let pending = Pending {
            command: report.command.clone(),
            body: (!leave_on_disk).then_some(report),
            receipt: give_if(receipt, spooled.is_some()),
            spooled,
            is_final,
            refusals: 0,
            attempts: 0,
        };
        self.memory += pending.memory();
        self.queue.push(PRIORITY, pending);
        Ok(())
    }

    /// Takes the first report that is due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Taken> {
        while let Some((place, pending)) = self.queue.pop(now) {
            self.memory -= pending.memory();
            if let Some(taken) = self.materialise(place, pending) {
                self.in_flight += 1;
                self.memory += taken.report.size();
                return Some(taken);
            }
        }
        None
    }

    /// Takes what one request may carry.
    pub(crate) fn take_batch(&mut self, now: Instant) -> Vec<Taken> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < self.batch_limit && bytes < BATCH_BYTES {
            let Some(taken) = self.take(now) else { break };
            bytes += taken.report.size();
            batch.push(taken);
        }
        batch
    }

    /// Something is due, and all of it may wait a moment for company.
    pub(crate) fn has_only_acks(&mut self, now: Instant) -> bool {
        let mut any = false;
        let only = self
            .queue
            .ready(now)
            .inspect(|_| any = true)
            .all(|pending| pending.body.as_ref().is_some_and(CommandReport::is_ack));
        any && only
    }

    /// Nothing is due.
    pub(crate) fn is_idle(&mut self, now: Instant) -> bool {
        self.queue.ready(now).next().is_none()
    }

    /// The server has it, or never will.
    pub(crate) fn settle(&mut self, taken: &Taken) {
        self.release(taken);
        if let (Some(spool), Some(id)) = (&mut self.spool, taken.spooled) {
            spool.remove(id);
        }
        if let Some(receipt) = &taken.receipt {
            receipt.give();
        }
    }

    /// It goes back to its place, to be tried again at `due`.
    pub(crate) fn retry(&mut self, taken: Taken, due: Instant) {
        self.release(&taken);
        let is_final = taken.report.is_final();
        let mut spooled = taken.spooled;
        if spooled.is_none() && !taken.report.is_ack() {
            spooled = self.keep(&taken.report);
        }
        let leave_on_disk = spooled.is_some() && (!is_final || taken.report.size() > INLINE_LIMIT);
        let pending = Pending {
            command: taken.report.command.clone(),
            body: (!leave_on_disk).then_some(taken.report),
            receipt: give_if(taken.receipt, spooled.is_some()),
            spooled,
            is_final,
            refusals: taken.refusals,
            attempts: taken.attempts,
        };
        self.memory += pending.memory();
        self.queue.delay(due, taken.place, pending);
    }

    /// The server could or could not be reached: output goes to disk while not.
    pub(crate) fn set_failing(&mut self, failing: bool) {
        self.failing = failing;
    }

    /// Makes the next batches smaller, because one was refused as a whole.
    pub(crate) fn shrink_batches(&mut self) {
        self.batch_limit = (self.batch_limit / 2).max(1);
    }

    /// Back to full batches.
    pub(crate) fn restore_batches(&mut self) {
        self.batch_limit = BATCH_REPORTS;
    }

    /// Stops all waiting for a retry.
    pub(crate) fn hurry(&mut self) {
        self.queue.hurry();
    }

    /// When the next retry is due.
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.queue.next_due()
    }

    /// Nothing waits and nothing is on its way.
    #[must_use]
    pub(crate) fn is_drained(&self) -> bool {
        self.queue.is_empty() && self.in_flight == 0
    }

    /// The file behind a taken report, to be flushed to the medium.
    #[must_use]
    pub(crate) fn file_of(&self, taken: &Taken) -> Option<std::fs::File> {
        self.spool.as_ref()?.file(taken.spooled?).ok()
    }

    /// The commands whose end waits on disk, each once.
    pub(crate) fn unreported(&mut self) -> Vec<String> {
        let mut commands: Vec<_> = self
            .queue
            .ready(Instant::now())
            .filter(|pending| pending.is_final && pending.spooled.is_some())
            .map(|pending| pending.command.clone())
            .collect();
        commands.sort_unstable();
        commands.dedup();
        commands
    }

    fn keep(&mut self, report: &CommandReport) -> Option<SpoolId> {
        match self.spool.as_mut()?.put(report) {
            Ok(id) => Some(id),
            Err(SpoolError::Full) if !report.is_final() => None,
            Err(error) => {
                tracing::warn!(%error, command = report.command, "a report is in memory only");
                None
            }
        }
    }

    fn materialise(&self, place: Place, pending: Pending) -> Option<Taken> {
        let report = match (pending.body, pending.spooled, &self.spool) {
            (Some(report), _, _) => report,
            (None, Some(id), Some(spool)) => spool
                .load(id)
                .inspect_err(|error| tracing::error!(%error, id, "lost a report"))
                .ok()?,
            (None, _, _) => return None,
        };
        Some(Taken {
            report,
            refusals: pending.refusals,
            attempts: pending.attempts,
            place,
            spooled: pending.spooled,
            receipt: pending.receipt,
        })
    }

    fn release(&mut self, taken: &Taken) {
        self.in_flight -= 1;
        self.memory -= taken.report.size();
    }
}

impl Pending {
    fn memory(&self) -> usize {
        self.body.as_ref().map_or(0, CommandReport::size)
    }
}

/// What is on disk survives us, so its sender need not keep it.
fn give_if(receipt: Option<Receipt>, safe: bool) -> Option<Receipt> {
    if !safe {
        return receipt;
    }
    if let Some(receipt) = receipt {
        receipt.give();
    }
    None
}

#[cfg(test)]
mod tests {
    use protocol::agent::Fin;

    use super::super::report::News;
    use super::*;

    fn report(command: &str, news: News) -> CommandReport {
        CommandReport {
            command: command.into(),
            news,
        }
    }

    fn chunk(seq: i64, size: usize) -> CommandReport {
        let content = "x".repeat(size);
        report("c", News::Chunk { seq, content })
    }

    fn spooled(folder: &std::path::Path) -> Lane {
        let (spool, left) = Spool::open(folder).unwrap();
        Lane::new(Some(spool), left)
    }

    #[test]
    fn a_failed_batch_returns_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut lane = spooled(folder.path());
        let now = Instant::now();
        lane.push(report("c", News::Ack)).unwrap();
        assert!(lane.has_only_acks(now));
        lane.push(chunk(0, 10)).unwrap();
        lane.push(report("c", News::Fin(Fin::default()))).unwrap();
        assert!(!lane.has_only_acks(now));

        let batch = lane.take_batch(now);
        assert_eq!(batch.len(), 3);
        assert!(lane.is_idle(now) && !lane.is_drained());
        for taken in batch {
            lane.retry(taken, now);
        }
        let again: Vec<_> = lane.take_batch(now);
        assert_eq!(again[1].report, chunk(0, 10));
        assert!(again[2].report.is_final());
        for taken in &again {
            lane.settle(taken);
        }
        assert!(lane.is_drained());
        assert_eq!(lane.memory, 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_end_survives_a_restart_until_it_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let mut lane = spooled(folder.path());
        lane.push(report("a", News::Fin(Fin::default()))).unwrap();
        let taken = lane.take(Instant::now()).unwrap();
        lane.retry(taken, Instant::now());
        drop(lane);

        let mut lane = spooled(folder.path());
        assert_eq!(lane.unreported(), ["a"]);
        let taken = lane.take(Instant::now()).unwrap();
        lane.settle(&taken);
        drop(lane);
        assert!(spooled(folder.path()).is_drained());
    }

    #[test]
    fn memory_is_bounded_and_output_spills_to_disk() {
        let mut lane = Lane::new(None, Vec::new());
        let refused = (0..2000).find(|seq| lane.push(chunk(*seq, 4096)).is_err());
        assert!(refused.is_some());
        assert!(lane.memory <= MEMORY_LIMIT);
        lane.push(report("c", News::Fin(Fin::default()))).unwrap();

        let folder = tempfile::tempdir().unwrap();
        let mut lane = spooled(folder.path());
        for seq in 0..2000 {
            lane.push(chunk(seq, 4096)).unwrap();
        }
        assert!(lane.memory <= MEMORY_LIMIT);
        let mut sequence = Vec::new();
        while let Some(taken) = lane.take(Instant::now()) {
            if let News::Chunk { seq, .. } = taken.report.news {
                sequence.push(seq);
            }
            lane.settle(&taken);
        }
        assert_eq!(sequence, (0..2000).collect::<Vec<_>>());
    }
}
