//! A loopback server that answers one request, and keeps sending as long as the client reads.

#![allow(clippy::unwrap_used, reason = "only tests use it, and they may panic")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
};

use url::Url;

/// 600 MB.
pub const HUGE: u64 = 600 << 20;

/// More than the two sockets' buffers can hold.
pub const UNDERWAY: u64 = 32 << 20;

const PIECE: usize = 64 << 10;

/// The server, until its one response ends.
#[derive(Debug)]
pub struct Flood {
    /// Its address.
    pub url: Url,
    answering: JoinHandle<u64>,
}

impl Flood {
    /// Sends this many bytes, with a `Content-Length`.
    pub fn of_length(status: &str, bytes: u64) -> Self {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {bytes}\r\n\r\n");
        Self::start(head, bytes, |stream, piece| stream.write_all(piece))
    }

    /// Sends this many bytes, without a `Content-Length`.
    pub fn in_chunks(status: &str, bytes: u64) -> Self {
        let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n");
        Self::start(head, bytes, |stream, piece| {
            write!(stream, "{:x}\r\n", piece.len())?;
            stream.write_all(piece)?;
            stream.write_all(b"\r\n")
        })
    }

    fn start(
        head: String,
        bytes: u64,
        write: fn(&mut TcpStream, &[u8]) -> std::io::Result<()>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(head.as_bytes()).unwrap();
            let piece = [b' '; PIECE];
            let mut sent = 0;
            while sent < bytes {
                let length = (bytes - sent).min(PIECE as u64);
                if write(&mut stream, &piece[..length as usize]).is_err() {
                    return sent;
                }
                sent += length;
            }
            // The client may have closed the connection already.
            let _ = write(&mut stream, b"");
            sent
        });
        let url = format!("http://{address}").parse().unwrap();
        Self { url, answering }
    }

    /// How many bytes were sent before the client stopped reading.
    pub async fn sent(self) -> u64 {
        // The client needs this thread to close its connection.
        let join = tokio::task::spawn_blocking(|| self.answering.join().unwrap());
        join.await.unwrap()
    }
}
