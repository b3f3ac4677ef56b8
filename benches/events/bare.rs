//! What a machine can do at best for many streams: two threads that do nothing but write a frame to
//! each socket, and the clients that the server has.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::readers::Readers;

/// From the moment at which two threads begin to write, half of the sockets each, to the frame of
/// each client.
pub fn told(streams: usize) -> Vec<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut readers = Readers::new();
    readers.arrivals = Some(Vec::new());
    let mut halves: [Vec<TcpStream>; 2] = Default::default();
    for n in 0..streams {
        readers.ask(port, "/", "");
        let (socket, _) = listener.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        halves[n % 2].push(socket);
    }
    let mut told = Vec::new();
    for n in 0..ROUNDS {
        let frame = frame(n);
        let wanted = readers.received + streams;
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for half in &mut halves {
                scope.spawn(|| {
                    for socket in half {
                        socket.write_all(frame.as_bytes()).unwrap();
                    }
                });
            }
            readers.until(|r| r.received >= wanted);
        });
        let arrivals = readers.arrivals.as_mut().unwrap().drain(..);
        told.extend(arrivals.map(|(_, at)| at.saturating_duration_since(begin)));
    }
    told
}

/// About as long as that of a message of 4 KiB.
fn frame(n: usize) -> String {
    let rest = "x".repeat(FRAME_OCTETS);
    format!(
        "event: message.received\ndata: {{\"subject\":\"Message {n} of\",\"rest\":\"{rest}\"}}\n\n"
    )
}

const ROUNDS: usize = 50;
const FRAME_OCTETS: usize = 1000;
