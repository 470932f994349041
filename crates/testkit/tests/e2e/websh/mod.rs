//! Terminals: what is shown and recorded, who may look and type, and what breaks.

mod breaks;
mod floods;
mod interactive;
mod peers;
mod shared;

use serde_json::{Value, json};
use testkit::{Agent, Api, Cli, Socket, System};

use crate::id;

const SESSIONS: &str = "/api/websh/sessions/";

struct Scene {
    system: System,
    agent: Agent,
    cli: Cli,
    session: String,
}

/// A system with an agent, and a CLI that holds a session for terminals.
fn scene() -> Scene {
    let system = System::start();
    let agent = system.agent("host");
    let cli = system.cli_with_password();
    let session = cli.open_session("host", "websh");
    Scene {
        system,
        agent,
        cli,
        session,
    }
}

/// What the public CLI posts.
fn request(server: &str, session: Option<&str>) -> Value {
    let mut body = json!({
        "rows": 24,
        "cols": 80,
        "server": server,
        "username": "root",
        "groupname": "",
    });
    if let Some(session) = session {
        body["work_session"] = json!(session);
    }
    body
}

impl Scene {
    /// A password login, which the gate applies to.
    fn user(&self) -> Api {
        self.system.api_with_password()
    }

    /// Opens a terminal over REST: its id, and the owner's connection.
    #[track_caller]
    fn open(&self) -> (String, Screen) {
        let body = request(self.agent.id(), Some(&self.session));
        let granted = self.user().post(SESSIONS, &body).expect(201).json();
        let url = granted["websocket_url"].as_str().unwrap();
        let mut screen = Screen::connect(&self.user(), url);
        // The start-up files of the account have run, whatever they do: a shell that ends
        // within them may leave locks of theirs behind.
        screen.types("echo set''tled\r");
        screen.shows("settled\r\n");
        (id(&granted), screen)
    }

    /// Waits until the terminal is closed, and gives it.
    #[track_caller]
    fn closed(&self, terminal: &str) -> Value {
        self.system
            .wait_for(&format!("{SESSIONS}{terminal}/"), |terminal| {
                terminal["closed_at"].as_str()?;
                Some(terminal.clone())
            })
    }

    /// What the recording says was shown.
    #[track_caller]
    fn recorded(&self, terminal: &str) -> String {
        let path = format!("{SESSIONS}{terminal}/cast/");
        let text = self.system.api().get(&path).expect(200).text();
        events(&text, "o")
    }
}

/// The data of the events of one kind in an asciicast, joined.
fn events(cast: &str, wanted: &str) -> String {
    let mut lines = cast.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(header["version"], 2);
    let events = lines.map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap());
    events
        .filter(|(_, kind, _)| kind == wanted)
        .map(|(_, _, data)| data)
        .collect()
}

/// A user at a terminal, by the public protocol.
struct Screen {
    socket: Socket,
    shown: String,
}

impl Screen {
    #[track_caller]
    fn connect(api: &Api, url: &str) -> Self {
        Self {
            socket: api.socket_url(url).unwrap(),
            shown: String::new(),
        }
    }

    fn types(&mut self, text: &str) {
        self.socket.send_bytes(text.as_bytes());
    }

    /// Reads until `text` is shown.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        while !self.shown.contains(text) {
            match self.socket.next_bytes() {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(code) => panic!("closed with {code:?} after {:?}", self.shown),
            }
        }
    }

    /// The same where much is shown before, of which only the end is kept.
    #[track_caller]
    fn skips_to(&mut self, text: &str) {
        const KEPT: usize = 32 * 1024;
        while !self.shown.contains(text) {
            let excess = self.shown.len().saturating_sub(KEPT);
            self.shown = self.shown.chars().skip(excess).collect();
            match self.socket.next_bytes() {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(code) => panic!("closed with {code:?} before {text:?}"),
            }
        }
    }

    /// Reads to the end: the code it was closed with.
    #[track_caller]
    fn ends(&mut self) -> Option<u16> {
        loop {
            match self.socket.next_bytes() {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(code) => return code,
            }
        }
    }
}
