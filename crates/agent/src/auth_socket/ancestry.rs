//! Parents and sessions of processes, from `/proc`.

/// Deeper trees than this are taken for endless ones.
const MAX_DEPTH: usize = 256;

/// The POSIX session of a process.
pub(super) fn session(pid: i32) -> Option<i32> {
    let pid = rustix::process::Pid::from_raw(pid)?;
    let session = rustix::process::getsid(Some(pid)).ok()?;
    Some(session.as_raw_nonzero().get())
}

/// The parents of a process, nearest first, without the first process of all.
pub(super) fn of(pid: i32) -> impl Iterator<Item = i32> {
    std::iter::successors(parent(pid), |pid| parent(*pid)).take(MAX_DEPTH)
}

fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parent_in(&stat).filter(|pid| *pid > 1)
}

/// The fourth field; the second, the name, may hold anything in its parentheses.
fn parent_in(stat: &str) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_forge_a_parent() {
        assert_eq!(parent_in("7 (sh) S 6 7 7 0"), Some(6));
        assert_eq!(parent_in("7 (a) S 1 (b) S 6 7"), Some(6));
        assert_eq!(parent_in("7 (sh"), None);
    }

    #[test]
    fn finds_its_own_family() {
        let own = i32::try_from(std::process::id()).unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        assert_eq!(of(own).next(), Some(parent).filter(|pid| *pid > 1));
        assert!(session(own).is_some());
    }
}
