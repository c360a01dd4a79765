//! The way to Redis, with its troubles.

use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::wire::{first_value, is_message};

/// What happens to what is sent from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// Nothing arrives, in these directions, before the mode changes: as with packets that are lost
    /// and sent again.
    BlackHole(Way),
    /// Each piece arrives after this time, and up to as much more as the second says.
    Slow(Duration, Duration),
    /// One byte at a time, to the client.
    ByteByByte,
    /// Half of a reply, then a reset.
    ResetMidReply,
    /// Half of a reply, then the end of what the server has to say.
    HalfClose,
    /// These bytes in place of a reply.
    Garbage(&'static [u8]),
    /// Messages to the fleet do not arrive; answers do.
    LoseMessages,
    /// Messages arrive twice, the second time after all that has come meanwhile.
    DoubleMessages,
    /// Connections end as soon as they are there.
    Refuse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Both,
    ToServer,
    ToClient,
}

/// A port that leads to another.
pub(crate) struct Proxy {
    port: u16,
    /// The port that new connections are led to.
    to: Arc<AtomicU16>,
    mode: watch::Sender<Mode>,
    accepted: Arc<Mutex<Vec<Instant>>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (mode, modes) = watch::channel(Mode::Pass);
        let (accepted, to) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU16::new(port)));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&to), modes, Arc::clone(&accepted)));
        Self { port: own, to, mode, accepted, _tasks: tasks }
    }

    /// Leads new connections to this port; those that are there stay where they are.
    pub(crate) fn lead_to(&self, port: u16) {
        self.to.store(port, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// When connections were made since this was asked last.
    pub(crate) fn take_accepted(&self) -> Vec<Instant> {
        std::mem::take(&mut self.accepted.lock().unwrap())
    }
}

async fn accept(
    listener: TcpListener,
    to: Arc<AtomicU16>,
    modes: watch::Receiver<Mode>,
    accepted: Arc<Mutex<Vec<Instant>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        accepted.lock().unwrap().push(Instant::now());
        if *modes.borrow() != Mode::Refuse {
            let port = to.load(Ordering::SeqCst);
            connections.spawn(connection(client, port, modes.clone()));
        }
    }
}

/// Ends when either side does, and then for both.
async fn connection(client: TcpStream, port: u16, modes: watch::Receiver<Mode>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut refused = modes.clone();
    tokio::select! {
        () = up(from_client, to_server, modes.clone()) => {}
        () = down(from_server, to_client, modes) => {}
        _ = refused.wait_for(|mode| *mode == Mode::Refuse) => {}
    }
}

/// From the client to the server.
async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut modes: watch::Receiver<Mode>) {
    let mut bytes = vec![0; 65536];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        pass_hole(&mut modes, Way::ToServer).await;
        let mode = *modes.borrow();
        wait_if_slow(mode).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// From the server to the client.
async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut modes: watch::Receiver<Mode>) {
    let (mut bytes, mut pending, mut again) = (vec![0; 65536], Vec::new(), Vec::new());
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        pass_hole(&mut modes, Way::ToClient).await;
        let mode = *modes.borrow();
        wait_if_slow(mode).await;
        pending.extend_from_slice(&bytes[..length]);
        let ready = match mode {
            Mode::LoseMessages | Mode::DoubleMessages => sort_out(&mut pending, &mut again, mode),
            _ => std::mem::take(&mut pending),
        };
        if !deliver(&ready, &mut to, mode).await {
            return;
        }
    }
}

/// The whole values that may go on; messages are lost, or come after the rest and again later.
fn sort_out(pending: &mut Vec<u8>, again: &mut Vec<u8>, mode: Mode) -> Vec<u8> {
    let mut ready = Vec::new();
    let mut late = std::mem::take(again);
    while let Some(end) = first_value(pending) {
        let value: Vec<u8> = pending.drain(..end).collect();
        if !is_message(&value) {
            ready.extend(value);
        } else if mode == Mode::DoubleMessages {
            again.extend(&value);
            late.extend(value);
        }
    }
    ready.extend(late);
    ready
}

/// Whether the connection goes on.
async fn deliver(bytes: &[u8], to: &mut OwnedWriteHalf, mode: Mode) -> bool {
    match mode {
        Mode::ByteByByte => {
            for byte in bytes {
                if to.write_all(std::slice::from_ref(byte)).await.is_err() {
                    return false;
                }
            }
            true
        }
        Mode::ResetMidReply => {
            let _ = to.write_all(&bytes[..bytes.len() / 2]).await;
            // With bytes unread on the other side or not: a reset, not an end.
            let _ = to.as_ref().set_zero_linger();
            false
        }
        Mode::HalfClose => {
            let _ = to.write_all(&bytes[..bytes.len() / 2]).await;
            let _ = to.shutdown().await;
            // Open in the other direction, until the client has enough.
            std::future::pending().await
        }
        Mode::Garbage(garbage) => {
            let _ = to.write_all(garbage).await;
            std::future::pending().await
        }
        _ => to.write_all(bytes).await.is_ok(),
    }
}

async fn pass_hole(modes: &mut watch::Receiver<Mode>, way: Way) {
    let is_through = |mode: &Mode| match mode {
        Mode::BlackHole(lost) => *lost != way && *lost != Way::Both,
        _ => true,
    };
    let _ = modes.wait_for(is_through).await;
}

async fn wait_if_slow(mode: Mode) {
    if let Mode::Slow(least, more) = mode {
        // Not the same for each, and no worse than at random.
        static PIECES: AtomicU32 = AtomicU32::new(0);
        let share = PIECES.fetch_add(37, Ordering::Relaxed) % 100;
        sleep(least + more * share / 100).await;
    }
}
