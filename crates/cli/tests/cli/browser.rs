//! When a login opens the browser: where there is one, and not again and again.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::fake::Fake;

const ADDRESS: &str = "https://login.example.com/activate?c=ABCD-EFGH";

/// A launcher in the way of the real one: notes what it is to open and ends with `status`.
fn with_launcher(environment: Environment, status: i32) -> Environment {
    let home = environment.home().to_str().unwrap().to_owned();
    let script = format!("#!/bin/sh\necho \"$1\" >> {home}/opened\nexit {status}\n");
    std::fs::create_dir_all(environment.home().join("bin")).unwrap();
    let path = environment.write_file("bin/xdg-open", &script);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    environment.with("PATH", &format!("{home}/bin:/usr/bin:/bin"))
}

fn opened(environment: &Environment) -> Vec<String> {
    let text = std::fs::read_to_string(environment.home().join("opened")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn log_in(environment: &Environment, server: &Fake, more: &[&str]) {
    let url = server.url();
    let run = environment.run(&[&["login", url.as_str()], more].concat());
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains(ADDRESS), "always printed: {run:?}");
}

#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_login_opens_the_browser_once_in_a_while() {
    let server = Fake::start_tls();
    let environment = with_launcher(Environment::trusting(&server), 0).with("DISPLAY", ":0");
    log_in(&environment, &server, &[]);
    eventually("nothing was opened", || opened(&environment) == [ADDRESS]);
    let lock = environment.home().join(".alpacon/.browser_lock");
    assert!(lock.exists());
    // Right after it: not again.
    log_in(&environment, &server, &[]);
    assert_eq!(opened(&environment).len(), 1);
    // Half a minute later: again.
    let old = std::time::SystemTime::now() - Duration::from_secs(31);
    let file = std::fs::File::options().write(true).open(&lock).unwrap();
    file.set_modified(old).unwrap();
    log_in(&environment, &server, &[]);
    eventually("it was not opened again", || {
        opened(&environment).len() == 2
    });
}

#[test]
fn a_launcher_that_fails_is_tried_again() {
    let server = Fake::start_tls();
    let environment = with_launcher(Environment::trusting(&server), 3).with("DISPLAY", ":0");
    log_in(&environment, &server, &[]);
    log_in(&environment, &server, &[]);
    eventually("it was not tried again", || opened(&environment).len() == 2);
}

#[test]
fn no_browser_is_opened_where_nobody_sees_it_or_wants_it() {
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(Variables, &[&str]); 7] = [
        (&[], &[]),
        (&[("DISPLAY", "")], &[]),
        (&[("DISPLAY", ":0"), ("SSH_CONNECTION", "")], &[]),
        (&[("DISPLAY", ":0"), ("SSH_TTY", "/dev/pts/0")], &[]),
        (&[("DISPLAY", ":0"), ("ALPACON_NO_BROWSER", "")], &[]),
        (&[("DISPLAY", ":0"), ("ALPACON_NO_BROWSER", "1")], &[]),
        (&[("WAYLAND_DISPLAY", "wayland-0")], &["--no-browser"]),
    ];
    for (variables, arguments) in cases {
        let server = Fake::start_tls();
        let mut environment = with_launcher(Environment::trusting(&server), 0);
        for (name, value) in variables {
            environment = environment.with(name, value);
        }
        log_in(&environment, &server, arguments);
        assert!(opened(&environment).is_empty(), "{variables:?}");
        let lock = environment.home().join(".alpacon/.browser_lock");
        assert!(!lock.exists(), "{variables:?}");
    }
}
