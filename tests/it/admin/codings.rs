//! The page and the description of the paths, in fewer bytes for those who can read them.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_circuit_breaker_admin::Admin;

use super::{from_here, get, registry, send, steering, wire};
use crate::nginx::Nginx;

const PAGE: &str = include_str!("../../../crates/admin/src/page.html");

/// What was answered.
#[derive(Debug)]
struct Sent {
    status: StatusCode,
    coding: String,
    tag: String,
    body: Vec<u8>,
}

impl Sent {
    fn text(&self) -> String {
        decoded(&self.coding, &self.body)
    }
}

fn decoded(coding: &str, body: &[u8]) -> String {
    let mut text = String::new();
    let read = match coding {
        "br" => brotli_decompressor::Decompressor::new(body, 4096).read_to_string(&mut text),
        "gzip" => GzDecoder::new(body).read_to_string(&mut text),
        _ => return std::str::from_utf8(body).unwrap().to_owned(),
    };
    read.unwrap();
    text
}

async fn ask(admin: &Admin, path: &str, headers: &[(&str, &str)]) -> Sent {
    let mut request = from_here(Request::get(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, body) = send(admin, request.body(Full::default()).unwrap()).await.into_parts();
    let text = |name: &str| {
        head.headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(text("vary"), "accept-encoding", "{path} {headers:?}");
    assert_eq!(text("cache-control"), "no-cache", "{path} {headers:?}");
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Sent { status: head.status, coding: text("content-encoding"), tag: text("etag"), body }
}

#[tokio::test]
async fn each_coding_says_the_same_under_a_tag_of_its_own() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    for (path, codings) in [("/", &["br", "gzip", ""][..]), ("/openapi.json", &["gzip", ""])] {
        let plain = get(&admin, path).await.text;
        let mut all = Vec::new();
        for coding in codings {
            let accepts = ("accept-encoding", *coding);
            let sent = ask(&admin, path, &[accepts]).await;
            assert_eq!((sent.status, &*sent.coding), (StatusCode::OK, *coding), "{path}");
            assert_eq!(sent.text(), plain, "{path} {coding}");
            all.push((accepts, sent));
        }
        for (accepts, sent) in &all {
            for (_, other) in &all {
                let is_same = sent.tag == other.tag;
                let again = ask(&admin, path, &[*accepts, ("if-none-match", &other.tag)]).await;
                let expected = if is_same { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
                assert_eq!(again.status, expected, "{path}: {accepts:?} for {}", other.coding);
                assert_eq!(again.body.is_empty(), is_same, "{path} {accepts:?}");
                assert_eq!(again.tag, sent.tag, "{path} {accepts:?}");
                assert_eq!(again.coding, if is_same { "" } else { &*sent.coding });
            }
        }
        let sizes: Vec<_> = all.iter().map(|(_, sent)| sent.body.len()).collect();
        assert!(sizes.is_sorted_by(|a, b| a < b), "{path}: {sizes:?}");
    }
}

#[tokio::test]
async fn the_page_is_within_its_budget() {
    let (registry, _clock) = registry(&[]);
    let admin = steering(&registry).build();

    let sent = ask(&admin, "/", &[("accept-encoding", "gzip, deflate, br, zstd")]).await;

    assert_eq!(sent.coding, "br");
    assert!(sent.body.len() <= 33_000, "{} bytes", sent.body.len());
    assert!(sent.text().len() <= 110_000, "{} bytes", sent.text().len());
}

#[tokio::test]
async fn the_coding_is_the_one_that_is_liked_best() {
    let (registry, _clock) = registry(&[]);
    let admin = steering(&registry).build();
    for (accepted, coding) in [
        ("gzip, br", "br"),
        ("BR", "br"),
        ("x-gzip", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.5", "br"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("br ; Q = 0.9 , gzip;q=0.8", "br"),
        ("identity, br;q=0.5", ""),
        ("identity;q=0.5, br;q=0.5", "br"),
        ("identity;q=0, gzip", "gzip"),
        ("deflate, zstd", ""),
        // What is no weight lists nothing.
        ("br;q=2, gzip;q=nan", ""),
        ("br;q=-1", ""),
        ("br;q=", ""),
        ("br;level=4", ""),
        // What is not named is not sent, unless nothing else may be.
        ("*", ""),
        ("*;q=0.5, identity;q=0.1", ""),
        ("identity;q=0, *", "gzip"),
        ("identity;q=0, *, gzip;q=0", "br"),
        ("*;q=0", ""),
        ("identity;q=0", ""),
        ("", ""),
    ] {
        let sent = ask(&admin, "/", &[("accept-encoding", accepted)]).await;
        assert_eq!(sent.coding, coding, "{accepted:?}");
        assert_eq!(sent.text(), PAGE, "{accepted:?}");
    }
    // A list may be spread over several headers.
    let spread = [("accept-encoding", "deflate"), ("accept-encoding", "br")];
    assert_eq!(ask(&admin, "/", &spread).await.coding, "br");
}

/// Head and body of an answer, as they come over the wire.
async fn fetch(address: std::net::SocketAddr, method: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("{method} / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    (head, answer[end + 4..].to_vec())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn head_says_the_length_of_what_get_sends() {
    let (registry, _clock) = registry(&[]);
    let address = wire::serve(steering(&registry).build()).await;
    for accepts in ["", "Accept-Encoding: gzip\r\n", "Accept-Encoding: br\r\n"] {
        let (get, body) = fetch(address, "GET", accepts).await;
        let (head, nothing) = fetch(address, "HEAD", accepts).await;

        assert!(nothing.is_empty(), "{accepts}");
        for name in ["content-length", "content-encoding", "etag", "vary"] {
            assert_eq!(header(&head, name), header(&get, name), "{name} {accepts}");
        }
        assert_eq!(header(&head, "content-length"), Some(&*body.len().to_string()), "{accepts}");
    }
}

/// One that compresses leaves alone what is compressed, and what it compresses itself keeps its tag.
#[tokio::test]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn an_nginx_that_compresses_passes_each_coding_on() {
    let (registry, _clock) = registry(&[]);
    let upstream = wire::serve(steering(&registry).build()).await;
    let hides = "gzip on; proxy_set_header Accept-Encoding '';";
    for (settings, accepted, coding) in [
        ("gzip on;", "gzip, br", "br"),
        ("gzip on;", "gzip", "gzip"),
        ("gzip on;", "", ""),
        (hides, "gzip, br", "gzip"),
        (hides, "", ""),
    ] {
        let nginx = Nginx::before_with(upstream, settings).await;
        let accepts = format!("Accept-Encoding: {accepted}\r\n");
        let (head, body) = fetch(nginx.address(), "GET", &accepts).await;
        assert_eq!(header(&head, "content-encoding").unwrap_or_default(), coding, "{head}");
        let body = match header(&head, "transfer-encoding") {
            Some(_) => whole(&body),
            None => body,
        };
        assert_eq!(decoded(coding, &body), PAGE, "{settings} {accepted}");

        let tag = header(&head, "etag").unwrap();
        let known = format!("{accepts}If-None-Match: {}\r\n", tag.replace("w/", "W/"));
        let (head, body) = fetch(nginx.address(), "GET", &known).await;
        assert!(head.starts_with("http/1.1 304"), "{settings} {accepted}: {head}");
        assert!(body.is_empty(), "{settings} {accepted}");
    }
}

/// A body that came in chunks.
fn whole(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = std::str::from_utf8(&chunks[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[end + 2 + length + 2..];
    }
}
