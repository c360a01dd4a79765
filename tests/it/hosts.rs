//! The host of a request, as a key.

use std::convert::Infallible;
use std::future::ready;

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Bytes;
use tower::{Layer, Service, service_fn};
use tower_circuit_breaker::http::{ByHost, layer, service_unavailable};
use tower_circuit_breaker::keyed::{Key, KeyedCircuits};
use tower_circuit_breaker::{Circuit, CircuitState};

fn key(uri: &str, host: Option<&[u8]>) -> String {
    let mut request = Request::get(uri);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    ByHost.key(&request.body(()).unwrap()).into_owned()
}

#[test]
fn names_of_one_upstream_are_one_key() {
    let table = [
        ("http://api.example.com/", "api.example.com"),
        ("http://API.Example.COM/", "api.example.com"),
        ("http://api.example.com.", "api.example.com"),
        ("http://api.example.com:80/x?y", "api.example.com"),
        ("https://api.example.com:443", "api.example.com"),
        ("http://user:word@api.example.com/", "api.example.com"),
        ("http://api.example.com:443/", "api.example.com:443"),
        ("https://API.example.com.:8443/", "api.example.com:8443"),
        ("http://XN--BCHER-KVA.example/", "xn--bcher-kva.example"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("http://127.0.0.1/", "127.0.0.1"),
    ];
    for (uri, expected) in table {
        assert_eq!(key(uri, None), expected, "{uri}");
    }
}

#[test]
fn the_header_serves_where_the_uri_has_no_host() {
    assert_eq!(key("/x", Some(b"API.example.com:80")), "api.example.com");
    assert_eq!(key("/x", Some(b"api.example.com:8080")), "api.example.com:8080");
    assert_eq!(key("http://uri.example/", Some(b"header.example")), "uri.example");
}

#[test]
fn hosts_that_cannot_be_read_share_a_key() {
    for host in [&b""[..], b"b\xfccher.example", b"a b", b"b\xc3\xbccher.example", b"a/b"] {
        assert_eq!(key("/x", Some(host)), "-", "{host:?}");
    }
    assert_eq!(key("/x", None), "-");
}

#[test]
fn a_flood_of_hosts_leaves_a_real_one_its_circuit() {
    let circuits = KeyedCircuits::new(|builder| builder.consecutive_failures(3)).cap(16);
    let layer = layer(Circuit::builder("hosts").build())
        .respond_with(service_unavailable)
        .keyed(ByHost, circuits);
    let mut service = layer.layer(service_fn(|request: Request<()>| {
        let is_bad =
            request.uri().host().is_some_and(|host| host.to_lowercase().starts_with("bad"));
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = if is_bad { 500 } else { 200 }.try_into().unwrap();
        ready(Ok::<_, Infallible>(response))
    }));
    let mut ask = |uri: &str| {
        let request = Request::get(uri).body(()).unwrap();
        service.call(request).now_or_never().unwrap().unwrap().status().as_u16()
    };

    for uri in ["http://bad.example/", "http://BAD.example:80/", "http://bad.example./"] {
        assert_eq!(ask(uri), 500);
    }
    for number in 0..1_000 {
        assert_eq!(ask(&format!("http://host-{number}.example/")), 200);
    }

    assert_eq!(ask("http://bad.example/"), 503);
    assert_eq!(layer.circuits().len(), 16);
    assert_eq!(layer.overflow().state(), CircuitState::Closed);
}
