//! The external judge: what it is told, that it only tightens, and what happens when it
//! does not answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use testkit::{Agent, Api, System};

use crate::accounts::second_superuser;
use crate::{create_session, id, submission};

const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";
const COMMANDS: &str = "/api/events/commands/";

/// A question as it came.
#[derive(Clone)]
struct Question {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Question {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct State {
    /// What it answers; none: it never does.
    answer: Mutex<Option<String>>,
    questions: Mutex<Vec<Question>>,
    /// Connections that are not answered.
    silent: Mutex<Vec<TcpStream>>,
}

/// A judge that says what a test wants, on this machine.
struct Judge {
    url: String,
    state: Arc<State>,
}

impl Judge {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/judge", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = shared.clone();
                std::thread::spawn(move || stream.and_then(|stream| state.serve(stream)));
            }
        });
        Self { url, state }
    }

    fn answers(&self, answer: Option<&Value>) {
        *self.state.answer.lock().unwrap() = answer.map(Value::to_string);
    }

    fn questions(&self) -> Vec<Question> {
        self.state.questions.lock().unwrap().clone()
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut headers = Vec::new();
        let mut line = String::new();
        reader.read_line(&mut line)?;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, value)| value.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        self.questions
            .lock()
            .unwrap()
            .push(Question { headers, body });
        let Some(answer) = self.answer.lock().unwrap().clone() else {
            self.silent.lock().unwrap().push(stream);
            return Ok(());
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{answer}",
            answer.len()
        )
    }
}

struct Scene {
    system: System,
    agent: Agent,
    admin: Api,
    judge: Judge,
}

impl Scene {
    fn start(more: &Value) -> Self {
        let system = System::with(&testkit::Options {
            environment: vec![(
                "ALPACON_JUDGE__PRIVATE_HOSTS".to_owned(),
                r#"["127.0.0.1"]"#.to_owned(),
            )],
            ..testkit::Options::default()
        });
        let agent = system.agent("host");
        let admin = system.api_with_password();
        let judge = Judge::start();
        let settings = crate::changed(
            json!({"url": judge.url, "asked_about": "everybody", "deadline_ms": 10_000}),
            more,
        );
        admin
            .patch(ACCESS_CONTROL, &json!({"external_judge": settings}))
            .expect(200);
        Self {
            system,
            agent,
            admin,
            judge,
        }
    }

    fn session(&self, more: &Value) -> String {
        let host = self.agent.id();
        id(&create_session(&self.admin, host, &["command"], more))
    }

    fn submit(&self, line: &str, session: &str) -> testkit::Answer {
        let body = submission(self.agent.id(), line, Some(session));
        self.admin.post(COMMANDS, &body)
    }
}

#[test]
fn it_is_told_what_is_about_to_happen_and_its_denial_stands() {
    let scene = Scene::start(&json!({}));
    let session = scene.session(&json!({}));
    scene.judge.answers(Some(&json!({"verdict": "allow"})));
    scene.submit("echo first", &session).expect(201);
    let no = json!({"verdict": "deny", "reason": "not on a Friday"});
    scene.judge.answers(Some(&no));
    let refused = scene.submit("touch a && ls /", &session);
    let refused = refused.refuses(403, "external_judge_denied");
    assert!(
        refused.text().contains("not on a Friday"),
        "{}",
        refused.text()
    );
    let sent = scene.system.database().integer(
        "SELECT count(*) FROM commands WHERE line LIKE 'touch%' AND delivered_at IS NOT NULL",
    );
    assert_eq!(sent, 0);

    let question = scene.judge.questions().pop().unwrap();
    let told = question.json();
    assert_eq!(told["line"], "touch a && ls /");
    assert_eq!(told["plan"], json!(["touch a", "ls /"]));
    assert_eq!(told["session"]["purpose"], "end-to-end test");
    assert_eq!(told["server"]["name"], "host");
    assert_eq!(told["requester"]["type"], "human");
    assert_eq!(told["history"][0]["line"], "echo first");
    // It can be sure who asks.
    let signed = [
        b"alpacon external judge v1\n",
        question.header("alpacon-timestamp").as_bytes(),
        b"\n",
        &question.body,
    ]
    .concat();
    let key = UnparsedPublicKey::new(&ED25519, unhex(question.header("alpacon-key")));
    key.verify(&signed, &unhex(question.header("alpacon-signature")))
        .unwrap();
    let (intact, report) = scene.system.verify_audit();
    assert!(intact, "{report}");
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

#[test]
fn it_loosens_nothing_and_is_not_asked_about_what_is_refused_anyway() {
    let scene = Scene::start(&json!({}));
    let session = scene.session(&json!({"allow_commands": ["echo *"]}));
    scene.judge.answers(Some(&json!({"verdict": "allow"})));
    scene
        .submit("ls /", &session)
        .refuses(403, "command_not_allowed");
    assert_eq!(scene.judge.questions().len(), 0);
    let _reviewer = second_superuser(&scene.system);
    let risky = scene.session(&json!({}));
    scene.submit("rm -rf /etc", &risky).expect(201);
    let held = "SELECT count(*) FROM commands WHERE status = 'awaiting_approval'";
    assert_eq!(scene.system.database().integer(held), 1);
    assert_eq!(scene.judge.questions()[0].json()["verdict"], "hold");
}

#[test]
fn without_an_answer_a_command_waits_or_is_refused() {
    let scene = Scene::start(&json!({"deadline_ms": 100}));
    let _reviewer = second_superuser(&scene.system);
    let session = scene.session(&json!({}));
    scene.submit("echo late", &session).expect(201);
    let held = "SELECT count(*) FROM commands WHERE status = 'awaiting_approval'";
    assert_eq!(scene.system.database().integer(held), 1);
    for nonsense in [
        json!({}),
        json!({"verdict": "sure"}),
        json!("x".repeat(20_000)),
    ] {
        scene.judge.answers(Some(&nonsense));
        scene
            .submit(&format!("echo {}", nonsense.to_string().len()), &session)
            .expect(201);
    }
    assert_eq!(scene.system.database().integer(held), 4);

    let settings = json!({"url": scene.judge.url, "asked_about": "everybody",
        "deadline_ms": 100, "on_error": "deny"});
    let change = json!({"external_judge": settings});
    scene.admin.patch(ACCESS_CONTROL, &change).expect(200);
    scene.judge.answers(None);
    let refused = scene.submit("echo refused", &session);
    refused.refuses(403, "external_judge_denied");
    // After the fifth failure it is left alone for a while; nothing passes meanwhile.
    let asked = scene.judge.questions().len();
    assert_eq!(asked, 5);
    for _ in 0..3 {
        let refused = scene.submit("echo refused", &session);
        refused.refuses(403, "external_judge_denied");
    }
    assert_eq!(scene.judge.questions().len(), asked);
}

#[test]
fn only_whom_it_is_for_is_asked_about() {
    let scene = Scene::start(&json!({"asked_about": "agents"}));
    scene.judge.answers(Some(&json!({"verdict": "deny"})));
    let own = scene.session(&json!({}));
    scene.submit("echo me", &own).expect(201);
    let agents = scene.session(&json!({"requester_type": "agent"}));
    let refused = scene.submit("echo agent", &agents);
    refused.refuses(403, "external_judge_denied");
    assert_eq!(scene.judge.questions().len(), 1);
}

#[test]
fn it_may_not_be_a_service_of_our_own_network() {
    let system = System::start();
    let admin = system.api_with_password();
    for url in [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/",
        "https://[::1]/",
        "http://judge.example.com/",
        "https://user:secret@judge.example.com/",
        "ftp://judge.example.com/",
        "judge",
    ] {
        let change = json!({"external_judge": {"url": url}});
        admin.patch(ACCESS_CONTROL, &change).expect(400);
    }
    for wrong in [
        json!({"url": "https://judge.example.com/", "deadline_ms": 60_000}),
        json!({"url": "https://judge.example.com/", "on_error": "allow"}),
        json!({"url": "https://judge.example.com/", "secret": "x"}),
    ] {
        admin
            .patch(ACCESS_CONTROL, &json!({"external_judge": wrong}))
            .expect(400);
    }
}
