//! Ended authority cuts what is on its way, both legs of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Api, Credential, eventually};

use super::faults::begin_put;
use super::{Scene, create_upload, failed, get, names, scene, status, stranger};
use crate::accounts::second_superuser;
use crate::{create_session, id};

const LOCKS: &str = "/api/security/locks/";
/// More than what lies in buffers between here and there.
const LARGE: usize = 64 << 20;

/// Somebody who moves files, and somebody else who ends that.
struct Acting {
    scene: Scene,
    root: Api,
    person: Api,
    person_id: String,
}

fn acting() -> Acting {
    let scene = scene();
    let root = scene.system.api_with_password();
    let own_rules = json!({"work_session_approval": "never", "allow_direct_root": true});
    root.patch("/api/workspaces/access-control/-/", &own_rules)
        .expect(200);
    let person = second_superuser(&scene.system);
    let person_id = person.get("/api/iam/users/-/").expect(200).text_at("/id");
    let large = std::fs::File::create(scene.path("large")).unwrap();
    large.set_len(LARGE as u64).unwrap();
    Acting {
        scene,
        root,
        person,
        person_id,
    }
}

impl Acting {
    fn session(&self) -> String {
        let server = self.scene.agent.id();
        id(&create_session(
            &self.person,
            server,
            &["webftp"],
            &json!({}),
        ))
    }

    /// A token of the person that may move every file; its id too.
    fn token(&self) -> (String, Api) {
        let body = json!({"name": "t", "scopes": ["*"]});
        let made = self.person.post("/api/auth/tokens/", &body).expect(201);
        let id = id(&made.json());
        let server = json!({"token": id, "server": self.scene.agent.id()});
        self.person
            .post("/api/security/server-acl/", &server)
            .expect(201);
        let rule = json!({"token": id, "path": "*", "action": "*", "username": "*",
                          "groupname": "*"});
        self.person
            .post("/api/security/file-acl/", &rule)
            .expect(201);
        (
            id,
            self.person
                .as_caller(Credential::Token(made.text_at("/key"))),
        )
    }

    fn account(&self) -> String {
        self.scene.system.ready().superuser.username.clone()
    }

    /// Begins an upload and a download, each half done and waiting for more.
    fn begin(&self, api: &Api, session: Option<&str>) -> Running {
        let server = self.scene.agent.id();
        let mut more = json!({"streaming": true, "size": LARGE, "username": self.account()});
        let mut ask = json!({"path": self.scene.path("large"), "name": "large", "server": server,
                             "username": self.account(), "groupname": "",
                             "resource_type": "file"});
        if let Some(session) = session {
            more["work_session"] = json!(session);
            ask["work_session"] = json!(session);
        }
        let upload = create_upload(api, server, "new", &self.scene.path("new"), &more).expect(201);
        let upload_url = upload.text_at("/upload_url");
        let writing = begin_put(&upload_url, &vec![0; LARGE], 1_000_000);
        let download = api.post("/api/webftp/downloads/", &ask).expect(201);
        let download_url = download.text_at("/download_url");
        let mut reading = begin_get(&download_url);
        reading.read_exact(&mut vec![0; 100_000]).unwrap();
        Running {
            upload_url,
            writing,
            download_url,
            reading,
        }
    }
}

/// Asks for content and reads nothing yet.
fn begin_get(link: &str) -> TcpStream {
    let (authority, path) = link
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

/// A transfer each way, in the middle.
struct Running {
    upload_url: String,
    writing: TcpStream,
    download_url: String,
    reading: TcpStream,
}

impl Running {
    /// Both legs of both are cut, and the host has no part of a file.
    #[track_caller]
    fn expect_cut(mut self, acting: &Acting, why: &str) {
        let scene = &acting.scene;
        // The sender hears of it without sending more.
        let limit = Some(Duration::from_secs(60));
        self.writing.set_read_timeout(limit).unwrap();
        let mut answer = [0; 12];
        self.writing.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 409", "{why}");
        let mut rest = Vec::new();
        let _cut = self.reading.read_to_end(&mut rest);
        assert!(rest.len() < LARGE - 100_000, "{why}: all of it was read");
        // Until the clock has come around, links are refused by asking the authority.
        let again = get(&scene.api, &self.download_url, &[("range", "bytes=5-")]);
        assert!(again.status == 410, "{why}: {}", again.text());
        let (api, path) = stranger(&scene.api, &self.upload_url);
        let head = api.send(http::Method::HEAD, &path, None, &[]);
        assert!(head.status == 410, "{why}: {}", head.status);
        let ended = "SELECT count(*) FROM transfers WHERE finished_at IS NOT NULL \
                     AND message LIKE '%authority%' AND name = 'new'";
        let database = scene.system.database();
        eventually("the upload has ended", || {
            (database.integer(ended) > 0).then_some(())
        });
        // The agent was told, too: nothing of the order goes on.
        let open = "SELECT count(*) FROM commands WHERE finished_at IS NULL \
                    AND line IN ('upload', 'download')";
        eventually("the agent has ended its part", || {
            (database.integer(open) == 0).then_some(())
        });
        assert_eq!(names(&scene.host), ["large"], "{why}");
        let objects = scene.system.data().join("objects");
        eventually("the store has nothing of it", || {
            let held = std::fs::read_dir(&objects).unwrap().count();
            (held == 0).then_some(())
        });
    }
}

#[test]
fn a_lock_cuts_both_legs_of_what_is_on_its_way() {
    let acting = acting();
    let session = acting.session();
    let (token, by_token) = acting.token();
    let server = acting.scene.agent.id();
    let locks: [(&str, Option<&str>); 5] = [
        ("work_session", Some(&session)),
        ("token", Some(&token)),
        ("server", Some(server)),
        ("user", Some(&acting.person_id)),
        ("workspace", None),
    ];
    for (kind, object) in locks {
        let running = match kind {
            "token" => acting.begin(&by_token, None),
            _ => acting.begin(&acting.person, Some(&session)),
        };
        let body = json!({"kind": kind, "object": object, "reason": "incident 7"});
        let lock = id(&acting.root.post(LOCKS, &body).expect(201).json());
        running.expect_cut(&acting, kind);
        acting
            .root
            .delete(&format!("{LOCKS}{lock}/"))
            .expect_success();
        let sql = "UPDATE transfers SET name = 'old'";
        acting.scene.system.database().execute(sql);
    }
}

#[test]
fn the_end_of_a_session_or_token_cuts_both_legs() {
    let acting = acting();
    let database = acting.scene.system.database();
    for action in ["revoke", "complete"] {
        let session = acting.session();
        let running = acting.begin(&acting.person, Some(&session));
        let path = format!("/api/work-sessions/sessions/{session}/{action}/");
        acting.person.post(&path, &json!({})).expect_success();
        running.expect_cut(&acting, action);
        database.execute("UPDATE transfers SET name = 'old'");
    }
    let session = acting.session();
    let running = acting.begin(&acting.person, Some(&session));
    database.execute("UPDATE work_sessions SET expires_at = '2001-01-01 00:00:00+00:00'");
    running.expect_cut(&acting, "expiry");
    database.execute("UPDATE transfers SET name = 'old'");
    let session = acting.session();
    let running = acting.begin(&acting.person, Some(&session));
    let path = format!("/api/work-sessions/sessions/{session}/");
    let narrowed = json!({"scopes": ["command"]});
    acting.person.patch(&path, &narrowed).expect(200);
    running.expect_cut(&acting, "a scope that is gone");
    database.execute("UPDATE transfers SET name = 'old'");
    let (token, by_token) = acting.token();
    let running = acting.begin(&by_token, None);
    acting
        .person
        .delete(&format!("/api/auth/tokens/{token}/"))
        .expect_success();
    running.expect_cut(&acting, "a deleted token");
}

/// What was delivered stays; what waits in the store for its reader does not.
#[test]
fn content_that_waits_for_its_reader_goes_with_the_session() {
    let acting = acting();
    let scene = &acting.scene;
    std::fs::write(scene.path("small"), "small").unwrap();
    let session = acting.session();
    let ask = json!({"path": scene.path("small"), "name": "small", "server": scene.agent.id(),
                     "username": acting.account(), "groupname": "", "resource_type": "file",
                     "work_session": session});
    let created = acting
        .person
        .post("/api/webftp/downloads/", &ask)
        .expect(201);
    let done: Value = status(&acting.person, "downloads", &created.text_at("/id"));
    assert_eq!(done["success"], true, "{done}");
    let path = format!("/api/work-sessions/sessions/{session}/revoke/");
    acting.person.post(&path, &json!({})).expect_success();
    let read = get(&scene.api, &created.text_at("/download_url"), &[]);
    assert_eq!(read.status, 410, "{}", read.text());
    // An upload that nobody has triggered yet is over as well.
    let session = acting.session();
    let more = json!({"username": acting.account(), "work_session": session});
    let created = create_upload(
        &acting.person,
        scene.agent.id(),
        "x",
        &scene.path("x"),
        &more,
    )
    .expect(201);
    super::put(&scene.api, &created.text_at("/upload_url"), b"x").expect(200);
    let path = format!("/api/work-sessions/sessions/{session}/complete/");
    acting.person.post(&path, &json!({})).expect_success();
    failed(
        &status(&acting.person, "uploads", &created.text_at("/id")),
        "authority",
    );
    assert!(!scene.host.join("x").exists());
}
