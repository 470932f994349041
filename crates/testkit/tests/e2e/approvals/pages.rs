//! The pages of reviewers in a real browser.

use std::path::Path;

use serde_json::json;
use testkit::{Options, System};

use super::RISKY;
use crate::accounts::{PASSWORD, second_superuser};
use crate::{create_session, id, submit};

/// Where the pictures go that somebody looks at; unset: nowhere.
fn picture(browser: &testkit::Browser, name: &str) {
    if let Ok(folder) = std::env::var("ALPACON_TEST_PICTURES") {
        browser.screenshots(Path::new(&folder), name);
    }
}

#[test]
fn a_reviewer_reads_and_decides() {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let mut agent = system.public_agent("web-1");
    let user = system.api_with_password();
    let _second = second_superuser(&system);
    let more = json!({"description": "Clean up after the migration <b>now</b>"});
    let session = id(&create_session(&user, agent.id(), &["command"], &more));
    let held = submit(&user, agent.id(), RISKY, Some(&session));
    let other = submit(&user, agent.id(), "mkfs.ext4 /dev/sda1", Some(&session));

    let browser = system.browser();
    browser.open("/approvals/");
    browser.fill("username", "second");
    browser.fill("password", PASSWORD);
    browser.click("Sign in");
    browser.shows("Waiting");
    browser.shows(RISKY);
    picture(&browser, "approvals");
    let page = |line: &str| {
        let script = format!(
            "return [...document.querySelectorAll('.requests a')]\
             .find(a => a.textContent.includes('{line}')).getAttribute('href')"
        );
        browser.script(&script).as_str().unwrap().to_owned()
    };
    let (first, second) = (page(RISKY), page("mkfs"));
    browser.open(&first);
    browser.shows("Clean up after the migration <b>now</b>");
    browser.shows("critical");
    browser.shows("web-1");
    picture(&browser, "approval");
    browser.click("Approve exactly this");
    browser.shows("Approved by");
    assert_eq!(agent.next_command()["id"], json!(held));

    // Whoever signed in long ago proves it again, and comes back.
    system
        .database()
        .execute("UPDATE logins SET added_at = '2001-01-01 00:00:00+00:00'");
    browser.open(&second);
    browser.click("Prove that it is you");
    browser.fill("password", PASSWORD);
    browser.click("Continue");
    browser.fill("reason", "wrong disk");
    browser.click("Reject");
    browser.shows("wrong disk");
    let detail = user.get(&format!("/api/events/commands/{other}/")).json();
    assert_eq!(detail["status"], "rejected");

    // A program that waits on the host, with nothing hidden in its arguments.
    let program = json!({
        "seq": 7, "time": "2026-01-02T03:04:05Z", "pid": 7, "ppid": 1, "uid": 1000,
        "exe": "/usr/bin/curl", "argv": ["curl", "https://evil.test/\u{202e}gpj"],
        "cwd": "/srv", "verdict": "hold", "reason": "no rule allows it",
    });
    let report = json!([
        {"report": "ack", "command": held},
        {"report": "programs", "command": held, "started": [program]},
    ]);
    let reports = agent.api().post("/api/events/reports/", &report);
    reports.expect_success();
    browser.open("/approvals/");
    browser.shows("Held programs");
    picture(&browser, "approvals-with-a-held-program");
    browser.open(&page("curl"));
    browser.shows("\\u{202e}gpj");
    browser.shows("Let it run once");
    picture(&browser, "held-program");
}

#[test]
fn a_session_is_narrowed_by_its_boxes() {
    let system = System::start();
    let agent = system.public_agent("web-1");
    let root = system.api_with_password();
    let _second = second_superuser(&system);
    let policy = json!({"work_session_approval": "always"});
    root.patch(super::ACCESS_CONTROL, &policy).expect(200);
    let more = json!({"allow_commands": ["git *", "cargo test *"], "requester_type": "agent"});
    let scopes = ["command", "webftp"];
    let session = create_session(&root, agent.id(), &scopes, &more);
    let request = session["approval_request_id"].as_str().unwrap();
    let browser = system.browser();
    browser.open(&super::page_of(request));
    browser.fill("username", "second");
    browser.fill("password", PASSWORD);
    browser.click("Sign in");
    browser.shows("cargo test *");
    picture(&browser, "session");
    browser.click_at("input[value=webftp]");
    browser.click("Approve exactly this");
    browser.shows("Approved by");
    let path = format!("{}{}/", super::SESSIONS, id(&session));
    assert_eq!(root.get(&path).json()["scopes"], json!(["command"]));
}
