//! Ten kinds of clients that nobody wants, as they are on the wire.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// What a client does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rude {
    /// Breaks its upload off: less comes than it has announced, and then the end.
    BreaksUpload,
    /// Gives its upload up: it comes in chunks, then nothing for a while, then a reset.
    GivesUploadUp,
    /// Reads the head of an answer, and nothing of its body.
    ReadsNoBody,
    /// Hangs up as soon as it has asked.
    HangsUpAtHead,
    /// Hangs up in the midst of the body.
    HangsUpMidway,
    /// Reads slowly, to the end.
    ReadsSlowly,
    /// Sends what is no request.
    SendsNonsense,
    /// Announces another length than it sends.
    AnnouncesWrongLength,
    /// Connects, says nothing and leaves.
    SaysNothing,
    /// Leaves a stream of events.
    LeavesEvents,
}

pub(crate) const ALL: [Rude; 10] = [
    Rude::BreaksUpload,
    Rude::GivesUploadUp,
    Rude::ReadsNoBody,
    Rude::HangsUpAtHead,
    Rude::HangsUpMidway,
    Rude::ReadsSlowly,
    Rude::SendsNonsense,
    Rude::AnnouncesWrongLength,
    Rude::SaysNothing,
    Rude::LeavesEvents,
];

impl Rude {
    /// Does so once; `number` is which time it is. What it sends may be refused at any moment.
    pub(crate) async fn call(self, proxy: SocketAddr, number: usize) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(proxy).await?;
        match self {
            Self::BreaksUpload => {
                send(&mut stream, "POST /upload", "content-length: 10000\r\n", &[b'x'; 5000])
                    .await?;
                pause(number).await;
                stream.shutdown().await?;
                read(&mut stream, usize::MAX).await;
            }
            Self::GivesUploadUp => {
                let chunk = b"5\r\nhello\r\n";
                send(&mut stream, "POST /upload", "transfer-encoding: chunked\r\n", chunk).await?;
                sleep(Duration::from_millis(20)).await;
                stream.set_zero_linger()?;
            }
            Self::ReadsNoBody => {
                send(&mut stream, "GET /large", "", b"").await?;
                read(&mut stream, 15).await;
                sleep(Duration::from_millis(20)).await;
            }
            Self::HangsUpAtHead => {
                send(&mut stream, "GET /large", "", b"").await?;
                pause(number).await;
                stream.set_zero_linger()?;
            }
            Self::HangsUpMidway => {
                send(&mut stream, "GET /large", "", b"").await?;
                read(&mut stream, 100_000).await;
            }
            Self::ReadsSlowly => {
                send(&mut stream, "GET /", "connection: close\r\n", b"").await?;
                while read(&mut stream, 16).await == 16 {
                    sleep(Duration::from_millis(3)).await;
                }
            }
            Self::SendsNonsense => {
                stream.write_all(NONSENSE[number % NONSENSE.len()].as_bytes()).await?;
                read(&mut stream, usize::MAX).await;
            }
            Self::AnnouncesWrongLength => {
                let length = WRONG_LENGTHS[number % WRONG_LENGTHS.len()];
                send(&mut stream, "POST /upload", length, b"hello").await?;
                stream.shutdown().await?;
                read(&mut stream, usize::MAX).await;
            }
            Self::SaysNothing => sleep(Duration::from_millis(20)).await,
            Self::LeavesEvents => {
                send(&mut stream, "GET /events", "accept: text/event-stream\r\n", b"").await?;
                read(&mut stream, 1000).await;
            }
        }
        Ok(())
    }
}

const NONSENSE: [&str; 5] = [
    "GET / HTTP/9.9\r\n\r\n",
    "\u{16}\u{3}\u{1}\r\n\r\n",
    "GET /\r\nhost\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: a b\r\ncontent-length: -1\r\n\r\n",
];

/// Of five bytes: too long, too short, and two of them.
const WRONG_LENGTHS: [&str; 3] = [
    "content-length: 50\r\n",
    "content-length: 3\r\n",
    "content-length: 1\r\ncontent-length: 2\r\n",
];

async fn send(
    stream: &mut TcpStream,
    line: &str,
    headers: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let head = format!("{line} HTTP/1.1\r\nhost: proxy\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await
}

/// Reads so much, or to the end; gives how much it was.
async fn read(stream: &mut TcpStream, most: usize) -> usize {
    let (mut bytes, mut all) = (vec![0; 16_384], 0);
    while all < most {
        let room = bytes.len().min(most - all);
        match stream.read(&mut bytes[..room]).await {
            Ok(length @ 1..) => all += length,
            _ => return all,
        }
    }
    all
}

/// None, or a little: so it happens at each point of the call.
async fn pause(number: usize) {
    sleep(Duration::from_micros(u64::try_from(number % 7).unwrap() * 300)).await;
}
