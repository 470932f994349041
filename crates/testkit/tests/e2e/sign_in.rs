//! The sign-in page and the browser's session: what works, and the ways around it
//! that must not.

use testkit::{Options, System, Visitor};

fn name(system: &System) -> &str {
    &system.ready().superuser.username
}

fn password(system: &System) -> &str {
    &system.ready().superuser.password
}

/// Signed in as the superuser.
fn signed_in(system: &System) -> Visitor {
    let visitor = system.visitor();
    visitor
        .sign_in(name(system), password(system), "/")
        .expect(303);
    visitor
}

#[test]
fn a_person_signs_in_and_out_with_a_browser() {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let browser = system.browser();
    browser.open("/");
    browser.arrives_at("/login/?next=%2F");
    browser.fill("username", name(&system));
    browser.fill("password", "not the password");
    browser.click("Sign in");
    browser.shows("The username or password is wrong.");
    browser.fill("password", password(&system));
    browser.click("Sign in");
    browser.shows("You are signed in");
    let cookies = browser.cookies();
    assert!(
        cookies
            .iter()
            .any(|(name, _, http_only)| name == "__Host-alpacon" && *http_only),
        "{cookies:?}"
    );
    browser.click("Sign out");
    browser.arrives_at("/login/");
    browser.open("/");
    browser.arrives_at("/login/");
}

#[test]
fn the_cookie_changes_when_somebody_signs_in() {
    let system = System::start();
    let visitor = system.visitor();
    let _page = visitor.get("/login/").expect(200);
    let planted = visitor.cookie("alpacon");
    assert!(!planted.is_empty());
    visitor
        .sign_in(name(&system), password(&system), "/")
        .expect(303);
    assert_ne!(visitor.cookie("alpacon"), planted);
    let attacker = system.visitor();
    attacker.set_cookie("alpacon", &planted);
    assert_eq!(attacker.get("/").expect(303).location(), "/login/?next=%2F");
}

#[test]
fn signing_out_ends_the_session_everywhere_it_is_copied() {
    let system = System::start();
    let visitor = signed_in(&system);
    let thief = visitor.twin();
    let csrf = visitor.get("/").expect(200).field("csrf");
    visitor.post("/logout/", &[("csrf", &csrf)]).expect(303);
    thief.get("/").expect(303);
}

#[test]
fn forms_of_other_sites_are_refused() {
    let system = System::start();
    let visitor = signed_in(&system);
    let csrf = visitor.get("/").field("csrf");
    let own = system.url().to_owned();
    let fields = [("csrf", csrf.as_str())];
    for headers in [
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![],
        vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")],
        vec![("origin", own.as_str()), ("sec-fetch-site", "same-site")],
    ] {
        visitor.post_with("/logout/", &fields, &headers).expect(403);
    }
    for wrong in ["", "x", &signed_in(&system).get("/").field("csrf")] {
        visitor.post("/logout/", &[("csrf", wrong)]).expect(403);
    }
    visitor.post("/logout/", &[]).expect(403);
    let json = [
        ("origin", own.as_str()),
        ("content-type", "application/json"),
    ];
    let answer = visitor.post_with("/logout/", &fields, &json);
    assert!(matches!(answer.status(), 403 | 415), "{}", answer.status());
    visitor.get("/").expect(200);
}

#[test]
fn a_wrong_password_tells_nothing() {
    let system = System::start();
    let texts: Vec<String> = [name(&system), "nobody-here"]
        .iter()
        .map(|name| {
            let page = system.visitor().sign_in(name, "wrong", "/").expect(401);
            let html = page.html();
            // What differs for good reason: the name typed and the token.
            html.replace(*name, "NAME")
                .replace(&page.field("csrf"), "TOKEN")
        })
        .collect();
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn a_sign_in_comes_back_only_to_this_server() {
    let system = System::start();
    for (next, expected) in [
        (
            "/device/?user_code=AAAA-BBBB",
            "/device/?user_code=AAAA-BBBB",
        ),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ] {
        let visitor = system.visitor();
        let page = visitor.sign_in(name(&system), password(&system), next);
        assert_eq!(page.expect(303).location(), expected, "{next}");
        // Signed in already: the page itself must not lead away either.
        let query = format!(
            "/login/?next={}",
            next.replace('/', "%2F")
                .replace('?', "%3F")
                .replace('\\', "%5C")
        );
        assert_eq!(visitor.get(&query).expect(303).location(), expected);
    }
}

#[test]
fn a_locked_user_is_signed_out_at_once() {
    let system = System::start();
    let visitor = signed_in(&system);
    visitor.get("/").expect(200);
    system
        .database()
        .execute("UPDATE users SET is_active = false");
    visitor.get("/").expect(303);
    visitor
        .sign_in(name(&system), password(&system), "/")
        .expect(401);
}

#[test]
fn guessing_from_elsewhere_does_not_lock_the_owner_out() {
    let system = System::start();
    let owner = signed_in(&system);
    // The address is known too, and the attacker shares it here: only the mark of
    // the browser tells the two apart.
    system
        .database()
        .execute("UPDATE logins SET remote_ip = '192.0.2.1'");
    let attacker = system.visitor();
    let refused = (0..15).any(|_| attacker.sign_in(name(&system), "wrong", "/").status() == 429);
    assert!(refused, "15 wrong passwords of a stranger were looked at");
    let csrf = owner.get("/").field("csrf");
    owner.post("/logout/", &[("csrf", &csrf)]).expect(303);
    owner
        .sign_in(name(&system), password(&system), "/")
        .expect(303);
}

#[test]
fn a_session_cookie_is_no_api_token() {
    let system = System::start();
    let visitor = signed_in(&system);
    let cookie = visitor.cookie("alpacon");
    for header in [format!("token=\"{cookie}\""), format!("Bearer {cookie}")] {
        system
            .anonymous()
            .as_caller(testkit::Credential::Raw(header))
            .get("/api/auth/whoami/")
            .expect(401);
    }
}

#[test]
fn pages_may_do_nothing_beyond_their_own() {
    let system = System::start();
    for path in ["/login/", "/assets/none"] {
        let answer = system.visitor().get(path).answer;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let page = system.visitor().get("/login/").expect(200).answer;
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-frame-options"), "DENY");
    let cookie = page.header("set-cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    let html = page.text();
    assert!(!html.contains("<style") && !html.contains("<script") && !html.contains(" style="));
}
