//! Classifiers by HTTP status, and what servers ask for.

use std::convert::Infallible;
use std::ops::Bound;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{
    ClassifyHttp, STATUS, ServerErrorsAsFailures, StatusInRangeAsFailures, layer, retry_after,
};
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::script::{
    FAILURE, IGNORED, SUCCESS, Script, Step, call_by, counted, kinds, read, request, response,
};
use crate::support::{SECOND, circuit, ready_to_probe};

/// What one response through `layer` with `classify` is counted as.
pub(crate) fn ask<C>(circuit: &Circuit, classify: C, answer: Response<Script>)
where
    C: ClassifyHttp<Script, Infallible>,
{
    let mut answer = Some(answer);
    let service = layer(circuit.clone())
        .classify_with(classify)
        .layer(service_fn(|_| std::future::ready(Ok::<_, Infallible>(answer.take().unwrap()))));
    let response = service.oneshot(request(Method::POST)).now_or_never().unwrap();
    read(&mut response.unwrap().into_body());
}

pub(crate) fn with_headers<B>(mut response: Response<B>, headers: &HeaderMap) -> Response<B> {
    response.headers_mut().extend(headers.clone());
    response
}

pub(crate) fn headers<const N: usize>(pairs: [(&'static str, &str); N]) -> HeaderMap {
    pairs
        .into_iter()
        .map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

/// How long the circuit is open after one such response; `None` while it is closed.
pub(crate) fn open_for(
    classify: impl ClassifyHttp<Script, Infallible>,
    answer: Response<Script>,
) -> Option<Duration> {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));
    ask(&circuit, classify, answer);
    circuit.snapshot().retry_after
}

#[test]
fn statuses_in_the_range_are_failures() {
    let table = [(199, 0), (200, 0), (399, 0), (400, 1), (404, 1), (499, 1), (500, 0), (599, 0)];
    for (status, failures) in table {
        let (circuit, _) = circuit(|b| b);
        ask(&circuit, StatusInRangeAsFailures::new(400..=499), response(status, Script::default()));
        assert_eq!(counted(&circuit), [1 - failures, failures, 0, 0], "{status}");
    }
}

#[test]
fn server_errors_are_failures() {
    for (status, failures) in [(404, 0), (429, 0), (499, 0), (500, 1), (503, 1), (599, 1), (600, 0)]
    {
        let (circuit, _) = circuit(|b| b);
        ask(&circuit, ServerErrorsAsFailures::new(), response(status, Script::default()));
        assert_eq!(counted(&circuit), [1 - failures, failures, 0, 0], "{status}");
    }
}

#[test]
fn ignored_statuses_are_ignored_at_the_head_whatever_else_is_set() {
    let classify = || {
        StatusInRangeAsFailures::new(400..=599)
            .ignoring_status(401..=403)
            .ignoring_status(404..405)
            .ignoring_status(503..=503)
            .heed_retry_after()
            .ignoring_status(600..)
    };
    let table = [
        (200, SUCCESS),
        (400, FAILURE),
        (401, IGNORED),
        (403, IGNORED),
        (404, IGNORED),
        (405, FAILURE),
        (500, FAILURE),
        (503, IGNORED),
        (599, FAILURE),
        (600, IGNORED),
        (999, IGNORED),
    ];
    for (status, expected) in table {
        let (circuit, _) = circuit(|b| b);
        let asks = headers([("retry-after", "120")]);
        let answer = with_headers(response(status, Script::new([Step::Data("half")])), &asks);
        ask(&circuit, classify(), answer);
        assert_eq!(counted(&circuit), expected, "{status}");
        assert_eq!(circuit.state(), CircuitState::Closed, "{status}");
    }
    let (circuit, _) = circuit(|b| b);
    let broken = || response(404, Script::new([Step::Data("half"), Step::Break]));
    ask(&circuit, classify(), broken());
    ask(&circuit, ServerErrorsAsFailures::new().ignoring_status(..=404), broken());
    assert_eq!(counted(&circuit), [0, 0, 2, 0], "whatever becomes of the body");
}

#[test]
fn a_layer_for_http_ignores_statuses_by_itself() {
    let (circuit, _) = circuit(|b| b);
    let layer = layer(circuit.clone()).ignoring_status(404..=404).ignoring_status(500..=501);

    for status in [404, 500, 501, 502, 403] {
        read(&mut call_by(&layer, Method::GET, response(status, Script::default())).into_body());
    }

    assert_eq!(counted(&circuit), [1, 1, 3, 0]);
}

#[test]
fn sixteen_ignored_statuses_in_a_row_close_a_half_open_circuit() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let layer = layer(circuit.clone()).ignoring_status(401..=401);

    for _ in 0..16 {
        assert_ne!(circuit.state(), CircuitState::Closed);
        call_by(&layer, Method::GET, response(401, Script::default()));
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn ranges_that_hold_for_no_status_are_refused_with_their_bounds() {
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
    let ranges = [599..=500, 0..=99, 99..=200, 500..=1000, u16::MIN..=u16::MAX];
    for range in ranges {
        let shown = format!("{range:?}");
        let again = range.clone();
        refuses(&shown, || drop(StatusInRangeAsFailures::new(range.clone())));
        refuses(&shown, || drop(StatusInRangeAsFailures::new(500..=599).ignoring_status(range)));
        refuses(&shown, || drop(layer(circuit(|b| b).0).ignoring_status(again)));
    }
    let ignoring = |range: (Bound<u16>, Bound<u16>)| {
        drop(ServerErrorsAsFailures::new().ignoring_status(range));
    };
    refuses("404..=403", || drop(ServerErrorsAsFailures::new().ignoring_status(404..404)));
    refuses("1000..=999", || ignoring((Bound::Excluded(999), Bound::Unbounded)));
    refuses("65535..=999", || ignoring((Bound::Excluded(u16::MAX), Bound::Unbounded)));
    refuses("100..=0", || ignoring((Bound::Unbounded, Bound::Excluded(0))));
    ignoring((Bound::Excluded(998), Bound::Unbounded));
}

/// Holds that `set` panics with a message that has `part`.
fn refuses(part: &str, set: impl FnOnce()) {
    let refused = std::panic::catch_unwind(AssertUnwindSafe(set));
    let message = *refused.expect_err(part).downcast::<String>().unwrap();
    assert!(message.contains(part), "{part}: {message}");
}

#[test]
fn retry_after_opens_the_circuit_when_it_is_heeded() {
    let heeding = || ServerErrorsAsFailures::new().heed_retry_after();
    let asks = headers([("retry-after", "120")]);
    for status in [429, 503] {
        let answer = || with_headers(response(status, Script::default()), &asks);
        assert_eq!(open_for(heeding(), answer()), Some(120 * SECOND), "{status}");
        assert_eq!(open_for(ServerErrorsAsFailures::new(), answer()), None, "{status}: unheeded");
    }
    for status in [200, 301, 500, 502] {
        let answer = with_headers(response(status, Script::default()), &asks);
        assert_eq!(open_for(heeding(), answer), None, "{status} asks for nothing");
    }
}

#[test]
fn hints_without_use_leave_the_status_to_decide() {
    let none = headers([]);
    let useless =
        ["", "0", "-1", "1.5", "soon", "1e9", "0x10", "Wed, 21 Oct 2015 07:28:00 GMT", "+7", "7s"]
            .map(|value| headers([("retry-after", value)]));
    for asks in useless.iter().chain([&none]) {
        for (status, expected) in [(429, FAILURE), (503, FAILURE), (404, SUCCESS), (500, SUCCESS)] {
            let (circuit, _) = circuit(|b| b);
            let kinds = kinds(&circuit);
            // A range without any of them: that a 429 or 503 has failed needs no range.
            let heeding = StatusInRangeAsFailures::new(418..=418).heed_retry_after();
            ask(&circuit, heeding, with_headers(response(status, Script::default()), asks));
            assert_eq!(circuit.state(), CircuitState::Closed, "{status} {asks:?}");
            assert_eq!(counted(&circuit), expected, "{status} {asks:?}");
            assert!(kinds.lock().unwrap().iter().all(|kind| *kind == STATUS), "{status} {asks:?}");
        }
    }
    let (circuit, _) = circuit(|b| b);
    ask(&circuit, ServerErrorsAsFailures::new(), response(429, Script::default()));
    assert_eq!(counted(&circuit), SUCCESS, "unheeded");
}

#[test]
fn no_hint_opens_a_circuit_for_longer_than_its_cap() {
    let heeding = || ServerErrorsAsFailures::new().heed_retry_after();
    let far = "Fri, 31 Dec 9999 23:59:59 GMT";
    let huge = format!("1{}", "0".repeat(30));
    for value in ["3601", "18446744073709551615", "18446744073709551616", &huge, far] {
        let asks = headers([("retry-after", value)]);
        let answer = with_headers(response(503, Script::default()), &asks);
        assert_eq!(open_for(heeding(), answer), Some(3_600 * SECOND), "{value}");
    }
}

#[test]
fn a_date_is_held_against_the_date_of_the_response() {
    let later = "Sun, 06 Nov 1994 08:49:37 GMT";
    let table = [
        ("Sun, 06 Nov 1994 08:48:37 GMT", Some(60 * SECOND)),
        ("Sunday, 06-Nov-94 08:48:37 GMT", Some(60 * SECOND)),
        ("Sun Nov  6 08:48:37 1994", Some(60 * SECOND)),
        (later, None),
        ("Mon, 07 Nov 1994 08:49:37 GMT", None),
        // Unreadable: the wall clock is held against it, and 1994 is past.
        ("yesterday", None),
    ];
    for (sent, expected) in table {
        let asked = headers([("retry-after", later), ("date", sent)]);
        assert_eq!(retry_after(&asked), expected, "{sent}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "dates are of the wall clock")]
fn a_date_without_another_is_held_against_the_wall_clock() {
    let later = std::time::SystemTime::now() + 600 * SECOND;
    let asked = headers([("retry-after", &httpdate::fmt_http_date(later))]);

    let wait = retry_after(&asked).unwrap();

    assert!(wait > 300 * SECOND && wait <= 600 * SECOND, "{wait:?}");
}

#[test]
fn the_first_of_several_hints_counts_and_no_text_is_too_odd() {
    let mut several = headers([("retry-after", "7")]);
    several.append("retry-after", HeaderValue::from_static("700"));
    assert_eq!(retry_after(&several), Some(7 * SECOND));
    assert_eq!(retry_after(&headers([("retry-after", " 7 ")])), Some(7 * SECOND));
    assert_eq!(retry_after(&headers([("retry-after", "\u{663}\u{ff15}")])), None, "other digits");
    assert_eq!(retry_after(&headers([("retry-after", &"9".repeat(65_536))])), None, "64 KiB");
    assert_eq!(retry_after(&HeaderMap::new()), None);
}

#[test]
fn a_thousand_headers_change_nothing() {
    let mut many: HeaderMap = (0..1_000)
        .map(|number| {
            let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
            (name, HeaderValue::from_bytes("v".repeat(64).as_bytes()).unwrap())
        })
        .collect();
    many.extend(headers([("retry-after", "5")]));
    let answer = with_headers(response(503, Script::default()), &many);

    let heeding = ServerErrorsAsFailures::new().heed_retry_after();

    assert_eq!(open_for(heeding, answer), Some(5 * SECOND));
}
