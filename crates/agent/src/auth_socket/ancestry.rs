//! Parents and sessions of processes, from `/proc`.

/// Deeper trees than this are taken for endless ones.
const MAX_DEPTH: usize = 256;

/// The fields of `/proc/PID/stat` (`proc(5)`), counted behind the name.
const PARENT: usize = 1;
const SESSION: usize = 3;

/// The POSIX session of a process. `None` also for one whose leader lives outside
/// this PID namespace: such a leader has no number here.
pub(super) fn session(pid: i32) -> Option<i32> {
    field_in(&stat(pid)?, SESSION).filter(|session| *session > 0)
}

/// The parents of a process, nearest first, without the first process of all.
pub(super) fn of(pid: i32) -> impl Iterator<Item = i32> {
    std::iter::successors(parent(pid), |pid| parent(*pid)).take(MAX_DEPTH)
}

fn parent(pid: i32) -> Option<i32> {
    field_in(&stat(pid)?, PARENT).filter(|pid| *pid > 1)
}

fn stat(pid: i32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()
}

/// The name may hold anything in its parentheses.
fn field_in(stat: &str, field: usize) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(field)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_forge_a_field() {
        for (field, wanted) in [(PARENT, 6), (SESSION, 8)] {
            assert_eq!(field_in("7 (sh) S 6 7 8 0", field), Some(wanted));
            assert_eq!(field_in("7 (a) S 1 1 1 (b) S 6 7 8", field), Some(wanted));
            assert_eq!(field_in("7 (sh", field), None);
        }
    }

    #[test]
    fn finds_its_own_family() {
        let own = i32::try_from(std::process::id()).unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        assert_eq!(of(own).next(), Some(parent).filter(|pid| *pid > 1));
        // For a leader outside this PID namespace the kernel says 0.
        let kernel = nix::unistd::getsid(None).unwrap().as_raw();
        assert_eq!(session(own), Some(kernel).filter(|leader| *leader > 0));
    }
}
