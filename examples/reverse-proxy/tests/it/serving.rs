//! What the proxy passes on.

use std::time::Duration;

use http::Request;
use tower_circuit_breaker::CircuitState;

use crate::nginx::{LARGE, Nginx};
use crate::support::{Proxy, settings};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn calls_pass_over_both_versions_on_either_side() {
    for upstream_http2 in [false, true] {
        let nginx = Nginx::start(upstream_http2).await;
        let mut settings = settings();
        settings.http2 = upstream_http2;
        let proxy = Proxy::before(&nginx, settings).await;
        for http2 in [false, true] {
            let to = |path| Request::builder().uri(format!("http://{}{path}", proxy.address));
            let rose = proxy.call(to("/"), http2, "").await.unwrap();
            assert_eq!(rose.body(), "a rose\n", "{upstream_http2} {http2}");
            let large = proxy.call(to("/large"), http2, "").await.unwrap();
            assert_eq!(large.body().len(), LARGE, "{upstream_http2} {http2}");
            let upload = to("/upload").method("POST");
            let taken = proxy.call(upload, http2, vec![b'x'; 100_000]).await.unwrap();
            assert_eq!((taken.status().as_u16(), &taken.body()[..]), (200, &b"taken\n"[..]));
        }
        let circuit = proxy.circuit(nginx.address());
        let totals = circuit.snapshot().totals;
        assert_eq!(
            (circuit.state(), totals.successes, totals.failures),
            (CircuitState::Closed, 6, 0)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn each_host_has_a_circuit_of_its_own_and_retry_after_is_passed_on() {
    let (well, gone) = (Nginx::start(false).await, "127.0.0.1:1");
    let routes = [format!("gone.example={gone}"), format!("well.example={}", well.address())];
    let proxy = Proxy::to(&routes, settings()).await;
    let ask = async |host: &str, path: &str| {
        let call = Request::get(format!("http://{}{path}", proxy.address)).header("host", host);
        proxy.call(call, false, "").await.unwrap()
    };

    // The upstream asks for it: the answer is its own.
    let busy = ask("well.example", "/busy").await;
    assert_eq!(
        (busy.status().as_u16(), &busy.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    let mut last = ask("GONE.example:80", "/").await;
    assert_eq!(last.status(), 502);
    while last.status() != 503 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        last = ask("gone.example", "/").await;
    }
    // The circuit does.
    assert_eq!(last.headers()["retry-after"], "1");

    assert_eq!(ask("well.example", "/").await.status(), 200);
    assert_eq!(proxy.circuit(gone.parse().unwrap()).state(), CircuitState::Open);
    assert_eq!(proxy.circuit(well.address()).state(), CircuitState::Closed);
    assert_eq!(ask("nobody.example", "/").await.status(), 421);
}
