//! A way to a server that counts what passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A port that leads to another.
pub(crate) struct Counter {
    port: u16,
    bytes: Arc<[AtomicU64; 2]>,
    _tasks: JoinSet<()>,
}

impl Counter {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let bytes = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, port, Arc::clone(&bytes)));
        Self { port: own, bytes, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql://admin@127.0.0.1:{}/postgres", self.port)
    }

    /// To the server, and from it.
    pub(crate) fn bytes(&self) -> [u64; 2] {
        [0, 1].map(|way| self.bytes[way].load(Ordering::Relaxed))
    }
}

async fn accept(listener: TcpListener, port: u16, bytes: Arc<[AtomicU64; 2]>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let bytes = Arc::clone(&bytes);
        connections.spawn(async move {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                () = pass(from_client, to_server, &bytes[0]) => {}
                () = pass(from_server, to_client, &bytes[1]) => {}
            }
        });
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    bytes: &AtomicU64,
) {
    let mut piece = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        bytes.fetch_add(length.try_into().unwrap(), Ordering::Relaxed);
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
