//! Something in front of the page that answers in its place, as a balancer or a sign-in page does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes on what it is sent, but for paths that it has an answer for.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    answers: Arc<Mutex<Answers>>,
}

/// What paths end with, and the whole answer to them.
type Answers = Vec<(&'static str, String)>;

impl Front {
    pub(crate) fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::<Mutex<Answers>>::default();
        let known = Arc::clone(&answers);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, known) = (client.unwrap(), Arc::clone(&known));
                thread::spawn(move || serve(&client, server, &known));
            }
        });
        Self { address, answers }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers all that ends so in the place of the server, from now on.
    pub(crate) fn answer(&self, path_ends: &'static str, status: &str, kind: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        self.answers.lock().unwrap().push((path_ends, answer));
    }

    /// Takes what comes, and never answers.
    pub(crate) fn swallow(&self, path_ends: &'static str) {
        self.answers.lock().unwrap().push((path_ends, String::new()));
    }

    /// Passes on all again.
    pub(crate) fn pass(&self) {
        self.answers.lock().unwrap().clear();
    }
}

/// One request of a connection.
fn serve(client: &TcpStream, server: SocketAddr, answers: &Mutex<Answers>) {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let answer = answers.lock().unwrap().iter().find(|(ends, _)| path.ends_with(ends)).cloned();
    let mut to = client;
    if let Some((_, answer)) = answer {
        if answer.is_empty() {
            // Until the client has had enough.
            let _ = io::copy(&mut reader, &mut io::sink());
        } else {
            let _ = to.write_all(answer.as_bytes());
        }
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(server) else { return };
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let _ = upstream.write_all(head.as_bytes());
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
    });
    let mut body = reader.take(length.unwrap_or(0));
    let _ = io::copy(&mut body, &mut upstream);
    let mut answer = BufReader::new(upstream);
    loop {
        let Ok(part) = answer.fill_buf() else { return };
        if part.is_empty() || to.write_all(part).is_err() {
            return;
        }
        let length = part.len();
        answer.consume(length);
    }
}
