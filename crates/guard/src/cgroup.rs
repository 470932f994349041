//! A control group for one tree, where the kernel lets us make one
//! (`judgment.md` §6.4): bounds, and a kill that nothing escapes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protocol::guard::Policy;

/// The folder of all our groups, below the mount point of the hierarchy.
const PARENT: &str = "alpamon";

/// A group of its own; removed when dropped, once it is empty.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folder: PathBuf,
    /// A process that writes `0` here joins.
    pub(crate) processes: File,
    /// The bounds that were asked for are in force.
    pub(crate) is_bounded: bool,
}

impl Cgroup {
    /// Makes a group called `name`.
    ///
    /// # Errors
    /// Where there is no version 2 hierarchy, or it cannot be written.
    pub(crate) fn create(name: &str, policy: &Policy) -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mount = mount_point(&mounts)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no cgroup2 hierarchy"))?;
        let parent = Path::new(mount).join(PARENT);
        // Our parent group holds no process, so that it may hand controllers down.
        let made = fs::create_dir(&parent);
        if let Err(error) = made
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        let wanted = [
            (
                "pids",
                "pids.max",
                policy.max_processes.map(|n| n.to_string()),
            ),
            (
                "memory",
                "memory.max",
                policy.max_memory.map(|n| n.to_string()),
            ),
        ];
        for (controller, _, bound) in &wanted {
            if bound.is_some() {
                // Where a controller is not ours to hand on, its bound is not in force.
                for folder in [Path::new(mount), &parent] {
                    let _refused = write(
                        &folder.join("cgroup.subtree_control"),
                        &format!("+{controller}"),
                    );
                }
            }
        }
        let folder = parent.join(name);
        fs::create_dir(&folder)?;
        let opened = OpenOptions::new()
            .write(true)
            .open(folder.join("cgroup.procs"));
        let processes = match opened {
            Ok(file) => file,
            Err(error) => {
                let _removed = fs::remove_dir(&folder);
                return Err(error);
            }
        };
        let is_bounded = wanted
            .iter()
            .filter_map(|(_, file, bound)| bound.as_ref().map(|bound| (file, bound)))
            .fold(true, |all, (file, bound)| {
                write(&folder.join(file), bound).is_ok() && all
            });
        Ok(Self {
            folder,
            processes,
            is_bounded,
        })
    }

    /// Kills everything in it, on kernels from 5.14.
    pub(crate) fn kill(&self) {
        let _older_kernel = write(&self.folder.join("cgroup.kill"), "1");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // One that is not empty belongs to what is left in it.
        let _busy = fs::remove_dir(&self.folder);
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(text.as_bytes())
}

/// Where the version 2 hierarchy is mounted, also beside version 1.
fn mount_point(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let kind = right.split(' ').next()?;
        (kind == "cgroup2").then(|| left.split(' ').nth(4))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_hierarchy_alone_and_beside_version_1() {
        let alone = "29 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw";
        assert_eq!(mount_point(alone), Some("/sys/fs/cgroup"));
        let beside = "30 22 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      31 22 0:28 / /sys/fs/cgroup/unified rw master:3 - cgroup2 cgroup2 rw";
        assert_eq!(mount_point(beside), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mount_point("30 22 0:27 / / rw - ext4 /dev/sda rw"), None);
    }
}
