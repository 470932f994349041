//! Who is in the tree, and which program each of its tasks runs.

use std::collections::HashMap;
use std::rc::Rc;

/// A program that tasks of the tree run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    /// How many programs lie between it and the line: 0 for the first shell.
    pub(crate) level: u32,
    /// It has yet to load its first program.
    pub(crate) is_new: bool,
    /// A shell, which runs what its user types.
    pub(crate) is_shell: bool,
    /// Names under which it may start helpers.
    pub(crate) names: Vec<String>,
}

impl Running {
    /// The line itself, before its first program.
    pub(crate) fn line() -> Self {
        Self {
            is_new: true,
            ..Self::unknown()
        }
    }

    /// Nobody knows who started it; it is judged at every depth and has no helpers.
    pub(crate) fn unknown() -> Self {
        Self {
            level: 0,
            is_new: false,
            is_shell: true,
            names: Vec::new(),
        }
    }
}

/// How a task that nobody has announced yet was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// It may run on.
    Start,
    /// Its process is stopped by a signal.
    Group,
}

/// All tasks: processes and threads.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    tasks: HashMap<i32, Rc<Running>>,
    /// New tasks whose first stop came before their creator's report.
    waiting: HashMap<i32, Halt>,
}

impl Tree {
    pub(crate) fn insert(&mut self, task: i32, running: Running) {
        self.tasks.insert(task, Rc::new(running));
    }

    pub(crate) fn knows(&self, task: i32) -> bool {
        self.tasks.contains_key(&task)
    }

    /// Remembers a task that has stopped before anybody announced it.
    pub(crate) fn wait_for_creator(&mut self, task: i32, halt: Halt) {
        self.waiting.insert(task, halt);
    }

    /// `creator` reports a new task. Returns how that one waits, if it does.
    pub(crate) fn born(&mut self, creator: i32, task: i32) -> Option<Halt> {
        let running = self.running(creator);
        self.tasks.entry(task).or_insert(running);
        self.waiting.remove(&task)
    }

    /// A task is gone.
    pub(crate) fn remove(&mut self, task: i32) {
        self.tasks.remove(&task);
        self.waiting.remove(&task);
    }

    /// Waiting tasks whose creator, by `creator_of`, died before it could report
    /// them. They become tasks started by nobody known.
    pub(crate) fn adopt_orphans(
        &mut self,
        creator_of: impl Fn(i32) -> Option<i32>,
    ) -> Vec<(i32, Halt)> {
        let tasks = &self.tasks;
        let orphans: Vec<(i32, Halt)> = self
            .waiting
            .iter()
            .filter(|(task, _)| creator_of(**task).is_none_or(|by| !tasks.contains_key(&by)))
            .map(|(task, halt)| (*task, *halt))
            .collect();
        for (task, _) in &orphans {
            self.waiting.remove(task);
            self.insert(*task, Running::unknown());
        }
        orphans
    }

    /// Process `pid` loads a program, by its thread `former`. Returns what that one
    /// ran until now.
    pub(crate) fn starter(&mut self, pid: i32, former: i32) -> Rc<Running> {
        let starter = self.running(former);
        if former != pid {
            self.tasks.remove(&former);
        }
        starter
    }

    /// Everybody.
    pub(crate) fn everybody(&self) -> Vec<i32> {
        self.tasks
            .keys()
            .chain(self.waiting.keys())
            .copied()
            .collect()
    }

    fn running(&self, task: i32) -> Rc<Running> {
        let known = self.tasks.get(&task).cloned();
        known.unwrap_or_else(|| Rc::new(Running::unknown()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool() -> Running {
        Running {
            level: 3,
            is_shell: false,
            ..Running::unknown()
        }
    }

    #[test]
    fn a_child_runs_what_its_creator_runs_in_either_order_of_reports() {
        let mut tree = Tree::default();
        tree.insert(1, tool());
        assert_eq!(tree.born(1, 2), None);
        tree.wait_for_creator(3, Halt::Group);
        assert_eq!(tree.born(1, 3), Some(Halt::Group));
        assert_eq!(tree.starter(3, 3).level, 3);
        assert_eq!(tree.everybody().len(), 3);
    }

    #[test]
    fn orphans_are_judged_as_strictly_as_can_be() {
        let mut tree = Tree::default();
        tree.insert(1, tool());
        tree.wait_for_creator(2, Halt::Start);
        assert!(tree.adopt_orphans(|_| Some(1)).is_empty());
        tree.remove(1);
        assert_eq!(tree.adopt_orphans(|_| Some(1)), [(2, Halt::Start)]);
        assert_eq!(*tree.starter(2, 2), Running::unknown());
    }

    #[test]
    fn a_thread_that_loads_a_program_becomes_its_process() {
        let mut tree = Tree::default();
        tree.insert(1, tool());
        tree.born(1, 9);
        assert_eq!(tree.starter(1, 9).level, 3);
        assert!(tree.knows(1) && !tree.knows(9));
    }
}
