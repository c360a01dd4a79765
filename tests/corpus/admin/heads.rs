//! Headers and bodies: those of a good command, and what may be wrong with them.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderName, HeaderValue};
use tower_circuit_breaker_test::model::Choices;

use super::decode::byte;
use super::{ALLOWED_HOST, Frame, READ_TOKEN, TOKEN};

/// Those that somebody looks at, and some of them twice.
pub(super) fn headers(c: &mut Choices<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    let mut add = |name: &HeaderName, value: &str| {
        headers
            .extend(HeaderValue::from_bytes(value.as_bytes()).map(|value| (name.clone(), value)));
    };
    // A command as it should be, and then what may be wrong with it.
    for _ in 0..[1, 1, 1, 1, 1, 1, 0, 2][c.within(0, 8) as usize] {
        add(&CONTENT_TYPE, &content_type(c));
    }
    for _ in 0..[1, 1, 1, 1, 1, 1, 0, 2][c.within(0, 8) as usize] {
        add(&AUTHORIZATION, &authorization(c));
    }
    for _ in 0..[1, 1, 1, 1, 0, 0, 0, 2][c.within(0, 8) as usize] {
        add(&HOST, &host(c));
    }
    for _ in 0..[0, 0, 0, 0, 0, 1, 1, 2][c.within(0, 8) as usize] {
        add(&ORIGIN, &origin(c));
    }
    for _ in 0..[0, 0, 0, 0, 0, 1, 1, 2][c.within(0, 8) as usize] {
        add(&HeaderName::from_static("sec-fetch-site"), site(c));
    }
    if c.within(0, 8) == 7 {
        let told = ["via", "forwarded", "x-forwarded-for", "x-real-ip", "cookie", "referer"];
        add(&HeaderName::from_static(told[c.within(0, 6) as usize]), "127.0.0.1");
    }
    if c.within(0, 16) == 15 {
        let odd = ["0", "65536", "65537", "-1", "1073741824", "99999999999999999999", "x", "+1"];
        add(&CONTENT_LENGTH, odd[c.within(0, 8) as usize]);
    }
    headers
}

fn content_type(c: &mut Choices<'_>) -> String {
    match c.within(0, 16) {
        0..11 => "application/json".to_owned(),
        11 => "APPLICATION/json; charset=utf-8".to_owned(),
        12 => "text/plain".to_owned(),
        13 => "text/plain; application/json".to_owned(),
        14 => "application/x-www-form-urlencoded".to_owned(),
        _ => any(c),
    }
}

fn authorization(c: &mut Choices<'_>) -> String {
    match c.within(0, 16) {
        0..8 => format!("Bearer {TOKEN}"),
        8..11 => format!("Bearer {READ_TOKEN}"),
        11 => format!("bearer {TOKEN}"),
        12 => format!("Basic {TOKEN}"),
        13 => {
            // Right up to somewhere, and as long as the token or not.
            let right = c.within(0, 21) as usize;
            let rest = if c.flag() { TOKEN.len() - right } else { 0 };
            format!("Bearer {}{}", &TOKEN[..right], "X".repeat(rest))
        }
        14 => format!("Bearer {TOKEN}{}", any(c)),
        _ => any(c),
    }
}

pub(super) fn host(c: &mut Choices<'_>) -> String {
    match c.within(0, 16) {
        0..4 => "localhost:3000".to_owned(),
        4 => "LOCALHOST.".to_owned(),
        5 => "127.0.0.1:3000".to_owned(),
        6 => "[::1]:3000".to_owned(),
        7 | 8 => ALLOWED_HOST.to_owned(),
        9 => format!("{}.:8443", ALLOWED_HOST.to_uppercase()),
        10 => "evil.example".to_owned(),
        11 => format!("{ALLOWED_HOST}.evil.example"),
        12 => "localhost@evil.example".to_owned(),
        13 => "2130706433".to_owned(),
        _ => any(c),
    }
}

fn origin(c: &mut Choices<'_>) -> String {
    match c.within(0, 8) {
        0 => "null".to_owned(),
        1 => "https://evil.example".to_owned(),
        2 => any(c),
        3 => format!("http://{}", host(c).to_uppercase()),
        _ => format!("{}://{}", ["http", "https", "HTTP", ""][c.within(0, 4) as usize], host(c)),
    }
}

fn site(c: &mut Choices<'_>) -> &'static str {
    ["same-origin", "none", "same-site", "cross-site", "", "SAME-ORIGIN"][c.within(0, 6) as usize]
}

pub(super) fn body(c: &mut Choices<'_>) -> Vec<Frame> {
    let frames = c.within(0, 4);
    (0..frames).map(|_| frame(c)).collect()
}

fn frame(c: &mut Choices<'_>) -> Frame {
    const SAID: [&str; 14] = [
        "{}",
        "{",
        "}",
        "[]",
        "null",
        r#"{"reason": "deploy"}"#,
        r#"{"for": "10m"}"#,
        r#"{"actor": "ann", "reason": "a\u0000b"}"#,
        r#"{"for": "soon"}"#,
        r#"{"for": 10}"#,
        r#"{"reason": ""}"#,
        "{\"reason\": \"\u{61c}\"}",
        r#"{"why": "?"}"#,
        r#"{"for": "1s", "#,
    ];
    match c.within(0, 24) {
        place @ 0..14 => Frame::Data(SAID[place as usize].into()),
        14 => Frame::Data(vec![b' '; c.within(0, 70_000) as usize]),
        15 => Frame::Data(b"[".repeat(c.within(0, 20_000) as usize)),
        16 => Frame::Data(format!(r#"{{"actor": "{}"}}"#, any(c)).into_bytes()),
        17 => Frame::Trailers,
        18 => Frame::Breaks,
        19 => Frame::Stalls,
        _ => Frame::Data(any(c).into_bytes()),
    }
}

fn any(c: &mut Choices<'_>) -> String {
    (0..c.within(0, 12)).map(|_| char::from(byte(c))).collect()
}
