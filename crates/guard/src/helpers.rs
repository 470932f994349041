//! What allowed programs may start without a rule of its own, so that honest tools
//! work where everything is judged. A shell is never among it.

use std::collections::BTreeMap;

use protocol::guard::Policy;

use crate::identity::base;

/// A program, its helpers (base names in trusted folders, or `folder/*`), and the
/// beginnings of the variables that it sets for them.
struct Entry {
    program: &'static str,
    helpers: &'static [&'static str],
    sets: &'static [&'static str],
}

const TABLE: &[Entry] = &[
    Entry {
        program: "git",
        helpers: &[
            "git",
            "/usr/lib/git-core/*",
            "/usr/libexec/git-core/*",
            "ssh",
        ],
        sets: &["GIT_", "SSH_ASKPASS", "PATH"],
    },
    Entry {
        program: "gcc",
        helpers: COMPILER,
        sets: &["COLLECT_", "COMPILER_PATH", "LIBRARY_PATH"],
    },
    Entry {
        program: "cc",
        helpers: COMPILER,
        sets: &["COLLECT_", "COMPILER_PATH", "LIBRARY_PATH"],
    },
    Entry {
        program: "g++",
        helpers: COMPILER,
        sets: &["COLLECT_", "COMPILER_PATH", "LIBRARY_PATH"],
    },
    // The tool chain of the distribution. What stands in a home folder, or in one that
    // everybody may write, has to be trusted by the policy itself; what cargo built has
    // to be named by a rule.
    Entry {
        program: "cargo",
        helpers: &["cargo", "rustc", "rustdoc", "cc", "gcc", "git"],
        sets: &["CARGO", "RUST", "LD_LIBRARY_PATH", "PATH"],
    },
    // What a pager starts is judged in its turn.
    Entry {
        program: "man",
        helpers: &[
            "/usr/lib/man-db/*",
            "/usr/libexec/man-db/*",
            "groff",
            "troff",
            "grotty",
            "preconv",
            "tbl",
            "nroff",
            "col",
            "gzip",
            "zcat",
            "pager",
            "less",
        ],
        sets: &["LESS", "MAN", "GROFF_"],
    },
    Entry {
        program: "apt",
        helpers: &["/usr/lib/apt/methods/*", "dpkg"],
        sets: &["DPKG_", "PATH"],
    },
    Entry {
        program: "apt-get",
        helpers: &["/usr/lib/apt/methods/*", "dpkg"],
        sets: &["DPKG_", "PATH"],
    },
    Entry {
        program: "dpkg",
        helpers: &["dpkg-deb", "dpkg-split", "dpkg-query", "tar", "rm"],
        sets: &["DPKG_"],
    },
    Entry {
        program: "docker",
        helpers: &[
            "/usr/libexec/docker/cli-plugins/*",
            "/usr/lib/docker/cli-plugins/*",
        ],
        sets: &["DOCKER_"],
    },
    Entry {
        program: "systemctl",
        helpers: &["systemd-tty-ask-password-agent", "pkttyagent"],
        sets: &[],
    },
];

const COMPILER: &[&str] = &["/usr/lib/gcc/*", "/usr/libexec/gcc/*", "as", "ld"];

/// The table with a policy's additions.
#[derive(Debug)]
pub(crate) struct Helpers {
    added: BTreeMap<String, Vec<String>>,
    folders: Vec<String>,
}

impl Helpers {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            added: policy.helpers.clone(),
            folders: policy.trusted_folders.clone(),
        }
    }

    /// Whether a program known under any of `starters` may start the one at `path`
    /// without a rule, and with which variables of its own.
    pub(crate) fn find(&self, starters: &[String], path: &str) -> Option<&'static [&'static str]> {
        for starter in starters {
            let entry = TABLE.iter().find(|entry| entry.program == starter);
            let built_in = entry.map_or(&[][..], |entry| entry.helpers);
            let added = self.added.get(starter).into_iter().flatten();
            let mut helpers = built_in.iter().copied().chain(added.map(String::as_str));
            if helpers.any(|helper| self.is(helper, path)) {
                return Some(entry.map_or(&[], |entry| entry.sets));
            }
        }
        None
    }

    fn is(&self, helper: &str, path: &str) -> bool {
        match helper.strip_suffix("/*") {
            Some(folder) => path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/') && !rest.contains("/../")),
            None if helper.starts_with('/') => helper == path,
            None => {
                base(path) == helper
                    && path
                        .rsplit_once('/')
                        .is_some_and(|(folder, _)| self.folders.iter().any(|known| known == folder))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_named_by_trusted_name_or_folder() {
        let mut policy = Policy::default();
        policy
            .helpers
            .insert("tool".to_owned(), vec!["/opt/tool/*".to_owned()]);
        let helpers = Helpers::new(&policy);
        let may = |starter: &str, path: &str| helpers.find(&[starter.to_owned()], path).is_some();
        assert!(may("git", "/usr/lib/git-core/git-remote-https"));
        assert!(may("git", "/usr/bin/ssh"));
        assert!(!may("git", "/tmp/ssh"));
        assert!(!may("git", "/usr/lib/git-core/../../../tmp/x"));
        assert!(!may("git", "/bin/sh"));
        assert!(may("tool", "/opt/tool/part"));
        assert!(!may("tool", "/opt/toolbox"));
        assert!(!may("other", "/usr/bin/ssh"));
    }

    #[test]
    fn no_shell_is_a_helper() {
        for entry in TABLE {
            for shell in [
                "sh", "bash", "dash", "zsh", "ksh", "busybox", "python3", "perl",
            ] {
                assert!(!entry.helpers.contains(&shell), "{}", entry.program);
            }
        }
    }
}
