//! Invitations and passwords, with the mails that a real mail server takes.

use serde_json::{Value, json};
use testkit::{Answer, Api, Credential, MailServer, Options, Page, System, Visitor, eventually};

use crate::accounts::{PASSWORD, create_user, try_log_in};
use crate::id;

const INVITE: &str = "/api/workspaces/users/invite/";
const INVITATIONS: &str = "/api/workspaces/invitations/";
const ACCEPT: &str = "/api/auth/invitations/accept/";
const CHANGE: &str = "/api/auth/password/";
const FORGOTTEN: &str = "/api/auth/password/reset/";
const NEW: &str = "/api/auth/password/reset/complete/";
const PREFERENCES: &str = "/api/workspaces/preferences/-/";
const OTHER_PASSWORD: &str = "a different horse altogether";

struct Scene {
    system: System,
    mail: MailServer,
    root: Api,
}

fn scene() -> Scene {
    let mail = MailServer::start();
    let mut environment = mail.environment();
    let url = "https://alpacon.test".to_owned();
    environment.push(("ALPACON_SERVER__PUBLIC_URL".to_owned(), url));
    let system = System::with(&Options {
        environment,
        ..Options::default()
    });
    let root = system.api_with_password();
    Scene { system, mail, root }
}

impl Scene {
    fn anonymous(&self) -> Api {
        self.system.anonymous()
    }

    fn log_in(&self, username: &str, password: &str) -> Answer {
        try_log_in(&self.anonymous(), username, password)
    }

    #[track_caller]
    fn logged_in(&self, username: &str, password: &str) -> Api {
        let token = self
            .log_in(username, password)
            .expect(200)
            .text_at("/token");
        self.anonymous().as_caller(Credential::Token(token))
    }

    #[track_caller]
    fn person(&self, name: &str, more: &Value) -> String {
        create_user(&self.root, name, more)
    }

    fn accept(&self, token: &str, username: &str, password: &str) -> Answer {
        let body = json!({"token": token, "username": username, "password": password});
        self.anonymous().post(ACCEPT, &body)
    }

    fn choose(&self, token: &str, password: &str) -> Answer {
        let body = json!({"token": token, "new_password": password});
        self.anonymous().post(NEW, &body)
    }

    fn change(&self, username: &str, password: &str, new_password: &str) -> Answer {
        let body =
            json!({"username": username, "password": password, "new_password": new_password});
        self.anonymous().post(CHANGE, &body)
    }

    fn forget(&self, login: &str) -> Answer {
        self.anonymous().post(FORGOTTEN, &json!({"login": login}))
    }
}

#[test]
fn an_invited_person_joins_once_by_the_mail() {
    let scene = scene();
    scene
        .root
        .post(INVITE, &json!({"email": " Ann@Example.com "}))
        .expect(200);
    let mail = scene.mail.wait(0);
    assert_eq!(mail.to, "ann@example.com");
    let link = "https://alpacon.test/join/?token=";
    assert!(mail.text.contains(link), "{}", mail.text);
    assert!(mail.text.contains("workspace default"), "{}", mail.text);
    let open = scene.root.get(INVITATIONS).expect(200).json();
    assert_eq!(open["results"][0]["email"], "ann@example.com");
    assert!(!open.to_string().contains(&mail.token()), "{open}");

    let token = mail.token();
    scene
        .accept(&token, "ann", "short")
        .refuses(400, "user_password_weak");
    scene
        .accept(&token, "root", PASSWORD)
        .refuses(400, "user_username_disallowed");
    scene
        .accept(&token, "ann", "annabel and the other one: ann@")
        .expect(201);
    scene.accept(&token, "eve", PASSWORD).expect(400);
    let ann = scene.logged_in("ann", "annabel and the other one: ann@");
    let account = ann.get("/api/iam/users/-/").expect(200).json();
    assert_eq!(account["email"], "ann@example.com");
    for privilege in ["is_staff", "is_superuser"] {
        assert_eq!(account[privilege], false, "{account}");
    }
    let open = scene.root.get(INVITATIONS).expect(200).json();
    assert_eq!(open["count"], 0, "{open}");
    scene
        .root
        .post(INVITE, &json!({"email": "ANN@example.com"}))
        .expect(400);
    ann.post(INVITE, &json!({"email": "x@example.com"}))
        .expect(403);
}

#[test]
fn an_invitation_ends_by_revocation_replacement_time_and_its_maker() {
    let scene = scene();
    let invite = |api: &Api, email: &str| api.post(INVITE, &json!({"email": email}));
    invite(&scene.root, "a@example.com").expect(200);
    let first = scene.mail.wait(0).token();
    invite(&scene.root, "a@example.com").expect(200);
    let second = scene.mail.wait(1).token();
    scene.accept(&first, "ann", PASSWORD).expect(400);
    let open = scene.root.get(INVITATIONS).expect(200).json();
    assert_eq!(open["count"], 1, "{open}");
    let path = format!("{INVITATIONS}{}/", id(&open["results"][0]));
    scene.root.delete(&path).expect(204);
    scene.root.delete(&path).expect(404);
    scene.accept(&second, "ann", PASSWORD).expect(400);

    invite(&scene.root, "b@example.com").expect(200);
    let third = scene.mail.wait(2).token();
    let past = "UPDATE invitations SET expires_at = '2020-01-01 00:00:00+00:00'";
    assert_eq!(scene.system.database().execute(past), 1);
    scene.accept(&third, "bob", PASSWORD).expect(400);

    let staff_id = scene.person("sally", &json!({"is_staff": true}));
    let staff = scene.logged_in("sally", PASSWORD);
    invite(&staff, "c@example.com").expect(200);
    let fourth = scene.mail.wait(3).token();
    let gone = format!("/api/iam/users/{staff_id}/");
    scene.root.delete(&gone).expect(204);
    scene.accept(&fourth, "cat", PASSWORD).expect(400);
}

#[test]
fn only_allowed_domains_are_invited() {
    let scene = scene();
    let domains = json!({"allowed_domains": ["Example.com"], "invite_ttl": 3600});
    let set = scene.root.patch(PREFERENCES, &domains).expect(200).json();
    assert_eq!(set["allowed_domains"], json!(["example.com"]));
    for email in ["a@evil.test", "a@example.com.evil.test", "a@xexample.com"] {
        let refusal = scene.root.post(INVITE, &json!({"email": email}));
        assert!(refusal.expect(400).text().contains("example.com"));
    }
    for email in [
        "",
        "nobody",
        "a b@example.com",
        "a@example.com\r\nBcc: x@evil.test",
    ] {
        scene
            .root
            .post(INVITE, &json!({"email": email}))
            .expect(400);
    }
    scene
        .root
        .post(INVITE, &json!({"email": "a@example.com"}))
        .expect(200);
    assert_eq!(scene.mail.wait(0).to, "a@example.com");
}

#[test]
fn a_forgotten_password_is_replaced_by_the_mail_and_ends_all_logins() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let before = scene.logged_in("uma", PASSWORD);
    scene.forget("uma").expect(202);
    let first = scene.mail.wait(0);
    assert_eq!(first.to, "uma@example.com");
    scene.forget("UMA@example.com").expect(202);
    let second = scene.mail.wait(1);

    scene
        .choose(&first.token(), "uma uma uma")
        .refuses(400, "user_password_weak");
    scene.choose(&first.token(), OTHER_PASSWORD).expect(204);
    before.get("/api/auth/whoami/").expect(401);
    scene.log_in("uma", PASSWORD).expect(401);
    scene.logged_in("uma", OTHER_PASSWORD);
    // Used, and void with the other one.
    scene.choose(&first.token(), PASSWORD).expect(400);
    scene.choose(&second.token(), PASSWORD).expect(400);
    let told = scene.mail.wait(2);
    assert!(told.text.contains("was changed"), "{}", told.text);
}

#[test]
fn asking_for_a_password_gives_nothing_away() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let locked = scene.person("lou", &json!({}));
    scene
        .root
        .post(
            "/api/security/locks/",
            &json!({"kind": "user", "object": locked}),
        )
        .expect(201);
    let known = scene.forget("uma").expect(202);
    for unknown in ["nobody", "nobody@example.com", "lou", "' OR 1=1 --"] {
        let answer = scene.forget(unknown).expect(202);
        assert_eq!(answer.body, known.body, "{unknown}");
    }
    // A bound on mails to one person.
    for _ in 0..5 {
        scene.forget("uma").expect(202);
    }
    scene.person("zoe", &json!({}));
    scene.forget("zoe").expect(202);
    eventually("the last mail has arrived", || {
        let mails = scene.mail.mails();
        mails
            .iter()
            .any(|mail| mail.to == "zoe@example.com")
            .then_some(())
    });
    let mails = scene.mail.mails();
    let to_uma = mails.iter().filter(|mail| mail.to == "uma@example.com");
    assert!((1..=3).contains(&to_uma.count()));
    assert!(mails.iter().all(|mail| mail.to != "lou@example.com"));
}

#[test]
fn a_leave_is_void_when_its_user_changes() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let path = format!("/api/iam/users/{uma}/");
    let leave = |index: usize| {
        scene.forget("uma").expect(202);
        scene.mail.wait(index).token()
    };
    let first = leave(0);
    let email = json!({"email": "other@example.com"});
    scene.root.patch(&path, &email).expect(200);
    scene.choose(&first, OTHER_PASSWORD).expect(400);

    let second = leave(1);
    let past = "UPDATE password_resets SET expires_at = '2020-01-01 00:00:00+00:00'";
    assert_eq!(scene.system.database().execute(past), 1);
    scene.choose(&second, OTHER_PASSWORD).expect(400);

    let third = leave(2);
    scene
        .root
        .patch(&path, &json!({"is_active": false}))
        .expect(200);
    scene.choose(&third, OTHER_PASSWORD).expect(400);
    scene
        .root
        .patch(&path, &json!({"is_active": true}))
        .expect(200);
    scene.choose(&third, OTHER_PASSWORD).expect(400);
    scene.logged_in("uma", PASSWORD);
}

#[test]
fn a_password_is_changed_by_who_knows_it_or_must() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let before = scene.logged_in("uma", PASSWORD);
    scene.change("uma", "wrong", OTHER_PASSWORD).expect(401);
    scene.change("nobody", PASSWORD, OTHER_PASSWORD).expect(401);
    scene
        .change("uma", PASSWORD, PASSWORD)
        .refuses(400, "user_password_weak");
    scene
        .change("uma", PASSWORD, "Password12345!")
        .refuses(400, "user_password_weak");
    before.get("/api/auth/whoami/").expect(200);
    scene.change("uma", PASSWORD, OTHER_PASSWORD).expect(204);
    before.get("/api/auth/whoami/").expect(401);
    let after = scene.logged_in("uma", OTHER_PASSWORD);

    let require = format!("/api/iam/users/{uma}/require-password-change/");
    after.post(&require, &json!(null)).expect(403);
    scene.root.post(&require, &json!(null)).expect(204);
    after.get("/api/auth/whoami/").expect(401);
    scene
        .log_in("uma", OTHER_PASSWORD)
        .refuses(403, "user_password_change_required");
    scene.log_in("uma", "wrong").expect(401);
    scene.change("uma", OTHER_PASSWORD, PASSWORD).expect(204);
    scene.logged_in("uma", PASSWORD);
}

#[test]
fn mails_wait_for_the_mail_server_and_survive_a_restart() {
    let scene = scene();
    scene.mail.answer(Some("451 try again later"));
    scene
        .root
        .post(INVITE, &json!({"email": "a@example.com"}))
        .expect(200);
    eventually("the mail was refused for now", || {
        (scene.mail.refused() > 0).then_some(())
    });
    scene.system.kill_server();
    scene.mail.answer(None);
    scene.system.database().execute(
        "UPDATE mails SET next_attempt_at = '2020-01-01 00:00:00+00:00' WHERE state = 'waiting'",
    );
    scene.system.restart_server();
    let token = scene.mail.wait(0).token();
    scene.accept(&token, "ann", PASSWORD).expect(201);
    eventually("the text of the mail is forgotten", || {
        let query = "SELECT count(*) FROM mails WHERE state = 'sent' AND sealed IS NULL";
        (scene.system.database().integer(query) == 1).then_some(())
    });

    scene.mail.answer(Some("550 no such user"));
    scene
        .root
        .post(INVITE, &json!({"email": "b@example.com"}))
        .expect(200);
    eventually("the mail is given up", || {
        let query = "SELECT count(*) FROM mails WHERE state = 'failed' AND sealed IS NULL";
        (scene.system.database().integer(query) == 1).then_some(())
    });
}

#[test]
fn a_server_without_mail_says_so() {
    let system = System::start();
    let root = system.api_with_password();
    root.post(INVITE, &json!({"email": "a@example.com"}))
        .refuses(409, "mail_not_configured");
    system
        .anonymous()
        .post(FORGOTTEN, &json!({"login": "uma"}))
        .refuses(409, "mail_not_configured");
    let open = root.get(INVITATIONS).expect(200).json();
    assert_eq!(open["count"], 0, "{open}");
}

/// A login that is being checked while its user is deactivated and activated again.
#[test]
fn a_login_in_flight_does_not_outlive_the_deactivation_of_its_user() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let path = format!("/api/iam/users/{uma}/");
    for _ in 0..10 {
        let anonymous = scene.anonymous();
        let login = std::thread::spawn(move || try_log_in(&anonymous, "uma", PASSWORD));
        scene
            .root
            .patch(&path, &json!({"is_active": false}))
            .expect(200);
        let login = login.join().unwrap();
        scene
            .root
            .patch(&path, &json!({"is_active": true}))
            .expect(200);
        if login.status == 200 {
            // It was there before the deactivation, which ended it.
            let token = Credential::Token(login.text_at("/token"));
            let api = scene.anonymous().as_caller(token);
            api.get("/api/auth/whoami/").expect(401);
        }
    }
}

const JOIN_PAGE: &str = "/join/";
const FORGOTTEN_PAGE: &str = "/password/forgotten/";
const NEW_PAGE: &str = "/password/new/";
const FORCED_PAGE: &str = "/login/new-password/";

/// Sends a form with the token that the pages give this browser.
#[track_caller]
fn send(visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Page {
    let csrf = visitor.get(FORGOTTEN_PAGE).field("csrf");
    let mut all = vec![("csrf", csrf.as_str())];
    all.extend(fields);
    visitor.post(path, &all)
}

/// With a public address that is the one it listens on, so that forms are accepted.
fn page_scene() -> Scene {
    let mail = MailServer::start();
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap().to_string();
    drop(probe);
    let mut environment = mail.environment();
    let url = format!("http://{address}");
    environment.push(("ALPACON_SERVER__PUBLIC_URL".to_owned(), url));
    let system = System::with(&Options {
        environment,
        listen: Some(address),
        ..Options::default()
    });
    let root = system.api_with_password();
    Scene { system, mail, root }
}

#[test]
fn the_page_of_an_invitation_makes_an_account_and_looking_at_it_does_not() {
    let scene = page_scene();
    scene
        .root
        .post(INVITE, &json!({"email": "ann@example.com"}))
        .expect(200);
    let token = scene.mail.wait(0).token();
    let visitor = scene.system.visitor();
    visitor
        .get(&format!("{JOIN_PAGE}?token=alpin-x"))
        .expect(400);
    let path = format!("{JOIN_PAGE}?token={token}");
    for _ in 0..2 {
        let page = visitor.get(&path).expect(200);
        assert!(page.html().contains("ann@example.com"));
        assert_eq!(page.field("token"), token);
    }
    let join = |username: &str, password: &str, again: &str| {
        let fields = [
            ("token", token.as_str()),
            ("username", username),
            ("new_password", password),
            ("again", again),
        ];
        send(&visitor, JOIN_PAGE, &fields)
    };
    for (username, password, again, told) in [
        ("ann", PASSWORD, OTHER_PASSWORD, "not the same"),
        ("root", PASSWORD, PASSWORD, "reserved"),
        ("ann", "password1234", "password1234", "common"),
        ("<b>ann", PASSWORD, PASSWORD, "&#60;b&#62;ann"),
    ] {
        let page = join(username, password, again).expect(400);
        assert!(page.html().contains(told), "{}", page.html());
    }
    join("ann", PASSWORD, PASSWORD).expect(200);
    join("eve", PASSWORD, PASSWORD).expect(400);
    visitor.sign_in("ann", PASSWORD, "/").expect(303);
}

#[test]
fn the_pages_of_a_forgotten_password_tell_everybody_the_same() {
    let scene = page_scene();
    scene.person("uma", &json!({}));
    let visitor = scene.system.visitor();
    let page = visitor.get("/login/").expect(200).html();
    assert!(page.contains(FORGOTTEN_PAGE), "{page}");
    visitor.get(FORGOTTEN_PAGE).expect(200);
    let ask = |login: &str| {
        let page = send(&visitor, FORGOTTEN_PAGE, &[("login", login)]);
        page.expect(200).html()
    };
    assert_eq!(ask("nobody"), ask("uma"));
    let token = scene.mail.wait(0).token();
    let path = format!("{NEW_PAGE}?token={token}");
    visitor.get(&path).expect(200);
    let choose = |password: &str, again: &str| {
        let fields = [
            ("token", token.as_str()),
            ("new_password", password),
            ("again", again),
        ];
        send(&visitor, NEW_PAGE, &fields)
    };
    choose(OTHER_PASSWORD, PASSWORD).expect(400);
    choose(OTHER_PASSWORD, OTHER_PASSWORD).expect(200);
    choose(OTHER_PASSWORD, OTHER_PASSWORD).expect(400);
    visitor.get(&path).expect(400);
    visitor.sign_in("uma", PASSWORD, "/").expect(401);
    visitor.sign_in("uma", OTHER_PASSWORD, "/").expect(303);
}

#[test]
fn who_must_change_a_password_gets_no_further_without() {
    let scene = page_scene();
    let uma = scene.person("uma", &json!({}));
    let require = format!("/api/iam/users/{uma}/require-password-change/");
    scene.root.post(&require, &json!(null)).expect(204);
    let visitor = scene.system.visitor();
    let page = visitor.sign_in("uma", PASSWORD, "/account/").expect(303);
    assert_eq!(page.location(), FORCED_PAGE);
    let page = visitor.get("/").expect(303);
    assert!(
        page.location().starts_with("/login/"),
        "{}",
        page.location()
    );
    visitor.get(FORCED_PAGE).expect(200);
    let choose = |password: &str| {
        send(
            &visitor,
            FORCED_PAGE,
            &[("new_password", password), ("again", password)],
        )
    };
    let page = choose(PASSWORD).expect(400);
    assert!(
        page.html().contains("is the one there is"),
        "{}",
        page.html()
    );
    let page = choose(OTHER_PASSWORD).expect(303);
    assert_eq!(page.location(), "/account/");
    visitor.get("/").expect(200);
    // Nobody else has that page.
    let stranger = scene.system.visitor();
    let page = stranger.get(FORCED_PAGE).expect(303);
    assert_eq!(page.location(), "/login/");
    let fields = [("new_password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(
        send(&stranger, FORCED_PAGE, &fields).expect(303).location(),
        "/login/"
    );
    visitor.get(FORCED_PAGE).expect(303);
}

#[test]
fn a_locked_user_is_out_of_the_pages_too() {
    let scene = page_scene();
    let uma = scene.person("uma", &json!({}));
    let visitor = scene.system.visitor();
    visitor.sign_in("uma", PASSWORD, "/").expect(303);
    visitor.get("/").expect(200);
    let lock = json!({"kind": "user", "object": uma, "reason": "incident 7"});
    scene.root.post("/api/security/locks/", &lock).expect(201);
    visitor.get("/").expect(303);
    let page = visitor.sign_in("uma", PASSWORD, "/").expect(403);
    assert!(page.html().contains("incident 7"), "{}", page.html());
}
