//! Programs that wait for an answer, and what the kernel holds below the tracing stop.

use guard::{Control, Prepared};

use super::*;

/// Answers at once.
struct Answering<'c> {
    control: &'c Control,
    allow: bool,
    seen: Seen,
}

impl Sink for Answering<'_> {
    fn exec(&mut self, event: Program) {
        if event.verdict == Verdict::Hold {
            self.control.answer(event.seq, self.allow, "somebody");
            // A second answer changes nothing, nor does one about something else.
            self.control.answer(event.seq, !self.allow, "nobody");
            self.control.answer(event.seq + 1, !self.allow, "nobody");
        }
        self.seen.exec(event);
    }

    fn notice(&mut self, text: &str) {
        self.seen.notice(text);
    }
}

#[test]
fn a_held_program_waits_for_its_answer() {
    let policy = Policy {
        mode: Mode::Hold,
        ..allowing(&["ls"])
    };
    let launch = launch(&["/bin/sh", "-c", "id >/dev/null; exit $?"]);
    for (allow, expected, word) in [(true, 0, "was allowed"), (false, 128 + 9, "was denied")] {
        let control = Control::default();
        let mut sink = Answering {
            control: &control,
            allow,
            seen: Seen::default(),
        };
        let prepared = Prepared::new(&policy, &launch).unwrap();
        let ending = prepared.run(&mut sink, &control).unwrap();
        assert_eq!(ending, Ending::Exited(expected));
        assert_eq!(sink.seen.programs(Verdict::Hold), ["id"]);
        let notices = &sink.seen.notices;
        assert_eq!(notices.len(), 2, "{notices:?}");
        assert!(notices[0].contains("waits for an answer"), "{notices:?}");
        assert!(notices[1].contains(word), "{notices:?}");
    }
}

#[test]
fn a_held_tree_can_be_killed() {
    struct Killing<'c>(&'c Control);
    impl Sink for Killing<'_> {
        fn exec(&mut self, event: Program) {
            if event.verdict == Verdict::Hold {
                self.0.kill();
            }
        }
        fn notice(&mut self, _text: &str) {}
    }
    let policy = Policy {
        mode: Mode::Hold,
        ..allowing(&[])
    };
    let launch = launch(&["/bin/sh", "-c", "id; exit 0"]);
    let control = Control::default();
    let prepared = Prepared::new(&policy, &launch).unwrap();
    let ending = prepared.run(&mut Killing(&control), &control).unwrap();
    assert_eq!(ending, Ending::Killed(9));
}

#[test]
fn a_tree_has_a_control_group_where_one_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groups");
    let name = format!("test-{}", std::process::id());
    let mut launch = launch(&[
        "/bin/sh",
        "-c",
        &format!("cat /proc/self/cgroup > {}", file.display()),
    ]);
    launch.cgroup = Some(name.clone());
    let policy = Policy {
        max_processes: Some(64),
        ..observing()
    };
    let prepared = Prepared::new(&policy, &launch).unwrap();
    let is_bounded = prepared.floor().contains(&protocol::guard::floor::CGROUP);
    let ending = prepared.run(&mut Seen::default(), &Control::default());
    assert_eq!(ending.unwrap(), Ending::Exited(0));
    let groups = std::fs::read_to_string(&file).unwrap();
    let group = format!("/alpamon/{name}");
    if !groups.lines().any(|line| line.ends_with(&group)) {
        assert!(!is_bounded, "claimed without a group: {groups}");
        return println!("no control group can be made here");
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    for mount in mounts.lines().filter(|line| line.contains(" - cgroup2 ")) {
        let at = mount.split(' ').nth(4).unwrap();
        let left = Path::new(at).join("alpamon").join(&name);
        assert!(!left.exists(), "{} was left behind", left.display());
    }
}

#[test]
fn file_rules_hold_in_the_kernel_where_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&inside).unwrap();
    std::fs::create_dir(&outside).unwrap();
    let policy = Policy {
        files: Some(vec![format!("{}/*", inside.display())]),
        ..observing()
    };
    let line = format!(
        "echo x > {}/f || exit 1; echo x > {}/f && exit 2; exit 0",
        inside.display(),
        outside.display()
    );
    let launch = launch(&["/bin/sh", "-c", &line]);
    let prepared = Prepared::new(&policy, &launch).unwrap();
    if !prepared.floor().contains(&protocol::guard::floor::LANDLOCK) {
        return println!("this kernel has no Landlock");
    }
    let ending = prepared.run(&mut Seen::default(), &Control::default());
    assert_eq!(ending.unwrap(), Ending::Exited(0));
    assert!(!outside.join("f").exists());
}
