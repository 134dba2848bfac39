//! A page of CppComet's time: what `CometServerApi.js` 4.08 and `cometVideoApi.js` 1.0 send and read, byte for byte, as the
//! protocol's notes describe them (01 to 05). What they do every second is done every tenth of one here.

use std::{
    collections::{HashSet, VecDeque},
    io::ErrorKind,
    net::{SocketAddrV4, TcpStream},
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// The second of this page.
const SECOND: Duration = Duration::from_millis(100);
/// How often each signal is sent, a second apart.
const REPEATS: u32 = 3;
/// How long subscriptions are gathered.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// When the page tells its address.
const STATISTICS: u32 = 5;

/// A page with one connection.
pub struct Page {
    socket: WebSocket<TcpStream>,
    pub user_id: u32,
    /// Makes what is random different in each page.
    tab: u32,
    opened: Instant,
    has_statistics: bool,
    /// The user's SIP password.
    real_user_key: String,
    subscriptions: Vec<String>,
    /// When the list is sent, if it has changed.
    subscribe_at: Option<Instant>,
    /// Frames that are sent later.
    later: VecDeque<(Instant, String)>,
    signals: u32,
    /// Signals that it has sent, and reports of them.
    pub sent: usize,
    pub reported: usize,
    /// The ids of signals that were read: what has one is read once.
    known: HashSet<String>,
    /// The last invitation, and whether it was accepted.
    pub call: Option<Call>,
    /// The callbacks that were called, in words.
    pub callbacks: Vec<String>,
    /// What the server has said of members, of which the library knows nothing.
    pub unknown: Vec<String>,
}

/// A call as the page knows it.
pub struct Call {
    pub pipe: String,
    key: String,
    caller_id: u32,
    /// Where it dials: user, password, address, port, number.
    pub dials: [String; 5],
    is_accepted: bool,
    has_media: bool,
    has_interlocutor: bool,
    has_accept: bool,
    has_started: bool,
    has_ended: bool,
    /// When it pings next.
    ping_at: Instant,
}

impl Page {
    /// Connects as the library does: it does not wait for the greeting, but sends its subscriptions at once.
    pub fn open(server: SocketAddrV4, user_id: u32, key: &str, tab: u32) -> Page {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_nodelay(true).unwrap();
        let uuid = format!("{tab:0>32}");
        let url = format!("ws://{server}/ws/sesion={key}&myid={user_id}&devid=15&v=4.08&uuid={uuid}&api=js");
        let (socket, response) = client(url, stream).unwrap();
        assert!(response.headers().get("sec-websocket-protocol").is_none());
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut page = Page {
            socket,
            user_id,
            tab,
            opened: Instant::now(),
            has_statistics: false,
            real_user_key: String::new(),
            subscriptions: Vec::new(),
            subscribe_at: None,
            later: VecDeque::new(),
            signals: 0,
            sent: 0,
            reported: 0,
            known: HashSet::new(),
            call: None,
            callbacks: Vec::new(),
            unknown: Vec::new(),
        };
        page.send_subscriptions();
        page
    }

    /// Reads what has come, and does what is due.
    pub fn pump(&mut self) {
        loop {
            match self.socket.read() {
                Ok(Message::Text(frame)) => self.read(&frame),
                // Browsers answer pings without telling the page.
                Ok(Message::Ping(_)) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    break;
                }
                other => panic!("user {}: {other:?}", self.user_id),
            }
        }
        let now = Instant::now();
        while self.later.front().is_some_and(|(at, _)| *at <= now) {
            let (_, frame) = self.later.pop_front().unwrap();
            self.say(&frame);
            self.sent += 1;
        }
        if self.subscribe_at.take_if(|at| *at <= now).is_some() {
            self.send_subscriptions();
        }
        if !self.has_statistics && now >= self.opened + STATISTICS * SECOND {
            self.has_statistics = true;
            self.say("statistics\n{\"url\":\"http://example.com/\",\"dev_id\":15,\"version\":\"4.08\"}");
        }
        if let Some(call) = self.call.as_mut().filter(|call| !call.has_ended && call.ping_at <= now) {
            call.ping_at = now + SECOND;
            self.signal("ping", json!({ "status": "ping" }));
        }
    }

    /// Whether all is sent that was to be sent.
    pub fn is_done(&self) -> bool {
        self.later.is_empty() && self.subscribe_at.is_none()
    }

    fn say(&mut self, command: &str) {
        self.socket.send(Message::text(command)).unwrap();
    }

    fn send_subscriptions(&mut self) {
        let list = self.subscriptions.join("\n");
        self.say(&format!("subscription\n{list}"));
    }

    /// The list is sent a moment later, and always as a whole. Nothing is ever taken from it.
    fn subscribe(&mut self, pipe: String) {
        if !self.subscriptions.contains(&pipe) {
            self.subscriptions.push(pipe);
            self.subscribe_at = Some(Instant::now() + DEBOUNCE);
        }
    }

    /// `multi_web_pipe_send`: the same three times, with an id by which receivers know it.
    fn signal(&mut self, event: &str, mut data: Json) {
        self.signals += 1;
        data["_cometApi_uuid"] = format!("jsapi{:0>5}{:0>6}", self.tab, self.signals).into();
        let pipe = &self.call.as_ref().unwrap().pipe;
        let frame = format!("web_pipe2\n{pipe}\n{event}\n*\n{data}");
        let now = Instant::now();
        self.later.extend((0..REPEATS).map(|repeat| (now + repeat * SECOND, frame.clone())));
        self.later.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    /// What the library does with a frame.
    fn read(&mut self, frame: &str) {
        for line in frame.trim().split('\n') {
            let message: Json = serde_json::from_str(&line.replace("\\'", "'")).expect("a line of JSON");
            let data = message.get("data").expect("data");
            if message["event"] == "serverInfo" {
                assert_eq!(message["authorized"], true, "{message}");
                // The page calls a method of texts.
                self.real_user_key = data.as_str().expect("a text").replacen(' ', "_", 1);
                continue;
            }
            let mut data = decode(data);
            for id in
                [message.get("uuid").cloned(), data.get("_cometApi_uuid").cloned()].into_iter().flatten()
            {
                if !self.known.insert(id.as_str().expect("a text").to_owned()) {
                    return;
                }
            }
            if let Some(object) = data.as_object_mut() {
                object.remove("_cometApi_uuid");
            }
            let pipe = message["pipe"].as_str().expect("a pipe");
            let event = message["event"].as_str().expect("an event");
            let user_id = message.get("user_id").map_or(0, |user| user.as_u64().expect("a number"));
            let user_id = u32::try_from(user_id).unwrap();
            if (pipe, event) == ("msg", "sys_sipCall") {
                self.be_called(&data);
            } else if pipe.starts_with("_answer_to_") {
                assert!(data["number_messages"].is_u64() && data["message"].is_string(), "{message}");
                self.reported += 1;
            } else if self.call.as_ref().is_some_and(|call| call.pipe == pipe) {
                self.hear_signal(event, &data, user_id);
            } else {
                // Events of the tracked pipe change nothing in conferences.
                assert!(pipe.starts_with("track_web_syscall_"), "{message}");
                assert!(data["user_id"].is_u64() && data["uuid"].is_string(), "{message}");
            }
        }
    }

    /// Every field of an invitation that the video library reads.
    fn be_called(&mut self, data: &Json) {
        let text = |name: &str| {
            data["sys"][name].as_str().unwrap_or_else(|| panic!("no text {name}: {data}")).to_owned()
        };
        let number =
            |name: &str| data["sys"][name].as_u64().unwrap_or_else(|| panic!("no number {name}: {data}"));
        let pipe = text("callPipe");
        assert!(pipe.starts_with("web_"));
        // Anything that JavaScript takes for true.
        assert!(!text("conference").is_empty());
        assert!(!text("conference_name").is_empty() && !text("mode").is_empty() && number("stream") == 0);
        let server = text("serverName");
        let dials = [
            format!("{:0>6}{}", 15, self.user_id),
            self.real_user_key.clone(),
            format!("wss://{server}:{}", number("serverPort")),
            format!("sip:{}@{server}", text("sipNumber")),
            String::from("sip"),
        ];
        let is_in_it = |call: &Call| call.pipe == pipe && call.is_accepted && !call.has_ended;
        if self.call.as_ref().is_some_and(is_in_it) {
            // Once more to where it is: no callback.
            self.signal("accept", json!({ "status": "start_accept" }));
            self.signal("pong", json!({ "status": "pong" }));
            return;
        }
        self.call = Some(Call {
            key: text("callKey"),
            caller_id: u32::try_from(number("caller_id")).unwrap(),
            dials,
            is_accepted: false,
            has_media: false,
            has_interlocutor: false,
            has_accept: false,
            has_started: false,
            has_ended: false,
            ping_at: Instant::now(),
            pipe: pipe.clone(),
        });
        self.subscribe(pipe);
        let message = data["message"].as_str().expect("a text");
        self.callbacks.push(format!("onCall {message}"));
    }

    /// `acceptCall`, up to where the phone dials.
    pub fn accept(&mut self) {
        let call = self.call.as_mut().expect("a call");
        call.is_accepted = true;
        let track = format!("track_{}", call.pipe);
        self.signal("pong", json!({ "status": "pong" }));
        self.subscribe(track);
        self.signal("accept", json!({ "status": "start_accept", "type": "video" }));
    }

    /// The others' picture has come.
    pub fn see_media(&mut self) {
        self.call.as_mut().expect("a call").has_media = true;
        self.signal("mediaStart", json!({ "status": "self" }));
        self.start_if_both();
    }

    /// `hangup`, or `busy` with that status.
    pub fn hang_up(&mut self, status: &str) {
        let key = self.call.as_ref().expect("a call").key.clone();
        self.signal("out", json!({ "status": status, "callKey": key }));
        self.end(status);
    }

    fn end(&mut self, status: &str) {
        self.call.as_mut().expect("a call").has_ended = true;
        self.callbacks.push(format!("onCallEnd {status}"));
    }

    fn start_if_both(&mut self) {
        let call = self.call.as_mut().expect("a call");
        if call.has_media && call.has_interlocutor && !call.has_started {
            call.has_started = true;
            self.callbacks.push("onCallStart".to_owned());
        }
    }

    /// What the video library does with an event of the call's pipe, whoever said it.
    fn hear_signal(&mut self, event: &str, data: &Json, user_id: u32) {
        // It reads fields of the data of every event before it knows which one it is.
        assert!(data.is_object(), "{event}: {data}");
        let status = data["status"].as_str().unwrap_or("undefined").to_owned();
        if event == "sys_member" {
            self.unknown.push(format!("{event} {} {}", data["action"].as_str().unwrap(), data["user_id"]));
        }
        let call = self.call.as_mut().expect("a call");
        if call.has_ended {
            return;
        }
        // Any event puts off the next ping.
        call.ping_at = Instant::now() + SECOND;
        match event {
            "ping" if call.is_accepted => self.signal("pong", json!({ "status": "pong" })),
            "ping" | "pong" => {}
            "accept" if user_id == self.user_id => self.end(&status),
            "accept" if call.caller_id == self.user_id && !call.has_accept => {
                call.has_accept = true;
                self.callbacks.push(format!("onCallAccept {}", data["type"].as_str().unwrap_or("undefined")));
            }
            "accept" => {}
            "mediaStart" => {
                call.has_interlocutor = true;
                if status != "answer" && call.has_media {
                    self.signal("mediaStart", json!({ "status": "answer" }));
                }
                self.start_if_both();
            }
            "out" => self.callbacks.push(format!("onOut {user_id} {status}")),
            // Others mean nothing to it.
            _ => {}
        }
    }
}

/// How the library takes a message's data apart.
fn decode(data: &Json) -> Json {
    let Json::String(text) = data else { return data.clone() };
    assert!(!text.starts_with("A::"), "it would be cut at a semicolon");
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&text.replace('\\', "")))
        .unwrap_or_else(|_| text.replace('\\', "").into())
}
