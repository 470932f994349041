//! What reviewers are told where they are, and what they answer there. The receivers are
//! local, and speak the protocols of the chats.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, MailServer, Options, Receiver, System, eventually};

use super::chat::{self, SIGNING_SECRET, hex};
use super::{APPROVALS, RISKY, Scene};
use crate::accounts::second_superuser;
use crate::id;

const WEBHOOKS: &str = "/api/notifications/webhooks/";
/// How long ago a message may be signed, and more.
const TOO_OLD: i64 = 301;

/// A scene whose server may post to this machine.
fn scene_with(environment: Vec<(String, String)>) -> Scene {
    let mut all = chat::environment();
    all.extend(environment);
    let system = System::with(&Options {
        environment: all,
        ..Options::default()
    });
    let agent = system.public_agent("host");
    let root = system.api_with_password();
    Scene {
        system,
        agent,
        root,
    }
}

fn scene() -> Scene {
    scene_with(Vec::new())
}

impl Scene {
    #[track_caller]
    fn webhook(&self, provider: &str, url: &str, more: &Value) -> Value {
        let mut body = json!({"name": provider, "url": url, "provider": provider});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.root.post(WEBHOOKS, &body).expect(201).json()
    }

    /// A held command and its request.
    #[track_caller]
    fn held(&self) -> (String, String) {
        let session = self.session();
        let held = self.submit(RISKY, &session);
        (held, id(&self.pending()))
    }
}

fn event(name: &str) -> impl Fn(&testkit::Received) -> bool {
    move |received| received.json()["event"] == name
}

#[test]
fn custom_webhooks_are_signed_and_retried() {
    let scene = scene();
    let _second = second_superuser(&scene.system);
    let receiver = Receiver::start();
    let created = scene.webhook("custom", &receiver.url("/hook?x=1"), &json!({}));
    let secret = created["secret"].as_str().unwrap();
    let shown = scene.root.get(&format!("{WEBHOOKS}{}/", id(&created)));
    let shown = shown.expect(200);
    assert!(!shown.text().contains(secret));
    receiver.answer(503);
    let (_held, request) = scene.held();
    let first = receiver.wait_for(event("approval.pending"));
    receiver.answer(200);
    eventually("it is sent again", || {
        (receiver.all().len() > 1).then_some(())
    });
    let all = receiver.all();
    assert_eq!(
        all[0].header("x-alpacon-delivery"),
        all[1].header("x-alpacon-delivery")
    );
    assert_eq!(first.path, "/hook?x=1");
    let body = first.json();
    assert_eq!(body["object"]["id"], json!(request));
    assert_eq!(body["object"]["content"]["line"], RISKY);
    assert_eq!(
        body["link"],
        json!(format!("http://127.0.0.1:1/approvals/{request}/"))
    );
    let timestamp = first.header("x-alpacon-timestamp");
    let message = [format!("v1:{timestamp}:").as_bytes(), &first.body].concat();
    let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), &message);
    assert_eq!(
        first.header("x-alpacon-signature"),
        format!("v1={}", hex(tag.as_ref()))
    );
    let cancel = format!("{APPROVALS}{request}/cancel/");
    scene.root.post(&cancel, &json!({})).expect_success();
    let ended = receiver.wait_for(event("approval.cancelled"));
    assert_eq!(ended.json()["object"]["status"], "cancelled");
}

#[test]
fn a_receiver_that_refuses_is_shown_and_not_asked_again() {
    let scene = scene();
    let _second = second_superuser(&scene.system);
    let receiver = Receiver::start();
    receiver.answer(410);
    let webhook = id(&scene.webhook("custom", &receiver.url("/"), &json!({})));
    scene.held();
    let error = eventually("the failure is shown", || {
        let shown = scene.root.get(&format!("{WEBHOOKS}{webhook}/")).json();
        shown["last_error"].as_str().map(str::to_owned)
    });
    assert!(error.contains("410"), "{error}");
    assert_eq!(receiver.all().len(), 1);
}

#[test]
fn webhooks_do_not_lead_inside_and_are_for_superusers() {
    let system = System::start();
    let root = system.api_with_password();
    for url in [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://user@example.com/",
        "ftp://example.com/",
        "x",
    ] {
        let body = json!({"name": "n", "url": url, "provider": "custom"});
        let refused = root.post(WEBHOOKS, &body).expect(400);
        assert!(refused.text().contains("url"), "{}", refused.text());
    }
    // A name that leads inside is found out when it is resolved.
    let body = json!({"name": "n", "url": "https://localhost/", "provider": "custom"});
    let webhook = id(&root.post(WEBHOOKS, &body).expect(201).json());
    root.post(WEBHOOKS, &body).expect(409);
    let path = format!("{WEBHOOKS}{webhook}/");
    let mut document = root.get(&path).expect(200).json();
    document["name"] = json!("renamed");
    document["added_at"] = json!("ignored");
    assert_eq!(
        root.patch(&path, &document).expect(200).text_at("/name"),
        "renamed"
    );
    root.patch(&path, &json!({"url": "https://10.0.0.1/"}))
        .expect(400);
    root.patch(&path, &json!({"provider": "irc"})).expect(400);
    root.patch(&path, &json!({"ssl_verify": false})).expect(400);
    let by_token = system.api();
    by_token.get(WEBHOOKS).expect(403);
    by_token.post(WEBHOOKS, &body).expect(403);
    by_token.delete(&path).expect(403);
    root.delete(&path).expect(204);
    root.get(&path).expect(404);
}

fn press(scene: &Scene, webhook: &str, payload: &Value, secret: &str, age: i64) -> Answer {
    chat::press(&scene.system, webhook, payload, secret, age)
}

#[test]
fn a_button_in_slack_decides_for_whom_the_workspace_knows() {
    let mut scene = scene();
    let second = scene.person("second", &json!({"is_superuser": true}));
    let slack = Receiver::start();
    let secret = json!({"secret": SIGNING_SECRET});
    let webhook = id(&scene.webhook("slack", &slack.url("/services/T/B/x"), &secret));
    let (held, request) = scene.held();
    let message = slack.wait_for(|received| received.json()["blocks"].is_array());
    let blocks = message.json()["blocks"].clone();
    assert!(blocks.to_string().contains(RISKY), "{blocks}");
    let buttons = blocks.as_array().unwrap().last().unwrap()["elements"].clone();
    assert_eq!(buttons[0]["action_id"], "approve");
    assert_eq!(buttons[0]["value"], json!(request));
    let payload = json!({
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1"},
        "actions": [{"action_id": "approve", "value": request}],
        "response_url": slack.url("/actions/1"),
    });
    let pressed = |secret: &str, age| press(&scene, &webhook, &payload, secret, age);
    let waits = || {
        assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    };

    // Not signed by Slack, too long ago, or to another webhook.
    pressed("guessed", 0).expect(401);
    pressed(SIGNING_SECRET, TOO_OLD).expect(401);
    pressed(SIGNING_SECRET, -TOO_OLD).expect(401);
    let other = uuid::Uuid::now_v7().to_string();
    press(&scene, &other, &payload, SIGNING_SECRET, 0).expect(401);
    waits();

    // Signed, but nobody knows who that is.
    pressed(SIGNING_SECRET, 0).expect(200);
    let said = |part: &str| {
        slack.wait_for(|it| {
            it.path == "/actions/1" && it.json()["text"].as_str().unwrap().contains(part)
        })
    };
    let _told = said("does not know who T1/U1 is");
    waits();

    // Known, but the requester.
    let identities = format!("{WEBHOOKS}{webhook}/identities/");
    let me = json!({"external_id": "T1/U1"});
    let mine = id(&scene.root.post(&identities, &me).expect(201).json());
    pressed(SIGNING_SECRET, 0).expect(200);
    let _told = said("Nobody decides about their own request");
    waits();

    // Nobody speaks for somebody who speaks for themselves.
    second.post(&identities, &me).expect(409);
    scene.system.api().post(&identities, &me).expect(403);
    scene
        .root
        .delete(&format!("{identities}{mine}/"))
        .expect(204);
    second.post(&identities, &me).expect(201);
    let mut from_elsewhere = payload.clone();
    from_elsewhere["user"]["team_id"] = json!("T2");
    press(&scene, &webhook, &from_elsewhere, SIGNING_SECRET, 0).expect(200);
    let _told = said("does not know who T2/U1 is");
    waits();

    pressed(SIGNING_SECRET, 0).expect(200);
    let done = said("approved by second");
    assert_eq!(done.json()["replace_original"], true);
    // Sent again within its time: decided already.
    pressed(SIGNING_SECRET, 0).expect(200);
    let _told = said("does not wait for a decision any more");
    assert_eq!(scene.agent.next_command()["id"], json!(held));
    let sent = "SELECT count(*) FROM commands WHERE delivered_at IS NOT NULL AND shell = 'system'";
    assert_eq!(scene.system.database().integer(sent), 1);
}

#[test]
fn slack_without_a_signing_secret_has_no_buttons_and_takes_no_answer() {
    let scene = scene();
    let _second = second_superuser(&scene.system);
    let slack = Receiver::start();
    let webhook = id(&scene.webhook("slack", &slack.url("/services/x"), &json!({})));
    let (held, request) = scene.held();
    let message = slack.wait_for(|received| received.json()["blocks"].is_array());
    assert!(!message.json().to_string().contains("\"approve\""));
    let payload = json!({
        "type": "block_actions", "user": {"id": "U1", "team_id": "T1"},
        "actions": [{"action_id": "approve", "value": request}],
    });
    press(&scene, &webhook, &payload, "", 0).expect(401);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
}

#[test]
fn teams_gets_a_card_and_its_signed_words_decide() {
    let scene = scene();
    let second = scene.person("second", &json!({"is_superuser": true}));
    let teams = Receiver::start();
    let key = b"the key of an outgoing webhook";
    let secret = json!({"secret": STANDARD.encode(key)});
    let webhook = id(&scene.webhook("teams", &teams.url("/workflow"), &secret));
    let (held, request) = scene.held();
    let card = teams.wait_for(|received| received.json()["attachments"].is_array());
    let card = card.json()["attachments"][0]["content"].clone();
    assert_eq!(card["type"], "AdaptiveCard");
    assert!(card.to_string().contains(RISKY), "{card}");
    assert_eq!(card["actions"][0]["type"], "Action.OpenUrl");
    let say = |text: &str, age: i64, key: &[u8]| {
        let time = chrono::Utc::now() - chrono::Duration::seconds(age);
        let body = json!({
            "type": "message", "timestamp": time, "text": text,
            "from": {"id": "29:x", "name": "Jane", "aadObjectId": "object-1"},
            "channelData": {"tenant": {"id": "tenant-1"}},
        });
        let body = body.to_string();
        let tag = sign(&Key::new(HMAC_SHA256, key), body.as_bytes());
        let authorization = format!("HMAC {}", STANDARD.encode(tag.as_ref()));
        let path = format!("/api/notifications/teams/{webhook}/");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", authorization.as_str()),
        ];
        let anonymous = scene.system.anonymous();
        anonymous.send(Method::POST, &path, Some(body.into_bytes()), &headers)
    };
    let reject = format!("<at>Alpacon</at> reject {request} not on a Friday");
    say(&reject, 0, b"another key").expect(401);
    say(&reject, TOO_OLD, key).expect(401);
    let unknown = say(&reject, 0, key).expect(200);
    assert!(
        unknown.text().contains("does not know"),
        "{}",
        unknown.text()
    );
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    let identities = format!("{WEBHOOKS}{webhook}/identities/");
    let me = json!({"external_id": "tenant-1/object-1"});
    second.post(&identities, &me).expect(201);
    let help = say("<at>Alpacon</at> hello", 0, key).expect(200);
    assert!(help.text().contains("approve ID"), "{}", help.text());
    let done = say(&reject, 0, key).expect(200);
    assert!(
        done.text().contains("rejected by second"),
        "{}",
        done.text()
    );
    let detail = scene.command(&held);
    assert_eq!(detail["status"], "rejected");
    assert_eq!(detail["result"], "not on a Friday");
}

#[test]
fn a_locked_or_demoted_reviewer_decides_nothing_in_a_chat() {
    let scene = scene();
    let second = scene.person("second", &json!({"is_superuser": true}));
    let _third = scene.person("third", &json!({"is_superuser": true}));
    let slack = Receiver::start();
    let secret = json!({"secret": SIGNING_SECRET});
    let webhook = id(&scene.webhook("slack", &slack.url("/x"), &secret));
    let identities = format!("{WEBHOOKS}{webhook}/identities/");
    let me = json!({"external_id": "T1/U1"});
    second.post(&identities, &me).expect(201);
    let (held, request) = scene.held();
    let demoted = "UPDATE users SET is_superuser = FALSE WHERE username = 'second'";
    assert_eq!(scene.system.database().execute(demoted), 1);
    let payload = json!({
        "type": "block_actions", "user": {"id": "U1", "team_id": "T1"},
        "actions": [{"action_id": "approve", "value": request}],
        "response_url": slack.url("/actions/1"),
    });
    press(&scene, &webhook, &payload, SIGNING_SECRET, 0).expect(200);
    let told = slack.wait_for(|it| it.path == "/actions/1");
    assert!(
        told.json()["text"]
            .as_str()
            .unwrap()
            .starts_with("Nothing was decided")
    );
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    assert_eq!(
        scene
            .root
            .get(&format!("{APPROVALS}{request}/"))
            .text_at("/status"),
        "pending"
    );
}

#[test]
fn reviewers_get_a_mail_and_the_requester_does_not() {
    let mail = MailServer::start();
    let scene = scene_with(mail.environment());
    let _second = second_superuser(&scene.system);
    let own = "UPDATE users SET email = 'root@example.com' WHERE username = 'root'";
    scene.system.database().execute(own);
    let (_held, request) = scene.held();
    let arrived = mail.wait(0);
    assert_eq!(arrived.to, "second@example.com");
    assert!(arrived.text.contains(&request), "{}", arrived.text);
    assert!(arrived.text.contains(RISKY), "{}", arrived.text);
    assert_eq!(mail.mails().len(), 1);
}

#[test]
fn what_is_allowed_with_a_notice_runs_and_is_told() {
    let mut scene = scene();
    let receiver = Receiver::start();
    scene.webhook("custom", &receiver.url("/"), &json!({}));
    scene.settings(
        &json!({"risk_of_people": {"low": "allow", "medium": "allow",
        "high": "allow_and_notify", "critical": "allow_and_notify"}}),
    );
    let session = scene.session();
    scene.submit("uptime", &session);
    let risky = scene.submit(RISKY, &session);
    let told = receiver.wait_for(event("command.risk")).json();
    assert_eq!(told["object"]["id"], json!(risky));
    assert_eq!(scene.agent.next_command()["line"], "uptime");
    assert_eq!(scene.agent.next_command()["line"], RISKY);
    assert_eq!(receiver.all().len(), 1);
}
