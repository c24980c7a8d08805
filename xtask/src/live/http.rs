//! A small HTTP/1.1 client, which tells "never sent" from "sent and not answered".
use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

/// A request that is not answered within this time hangs, unless something else is said.
const PATIENCE: Duration = Duration::from_secs(15);

/// One client.
pub struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    token: Option<String>,
    manner: Manner,
    patience: Duration,
}

/// What a client does with its connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Keep,
    Close,
}

/// A whole answer.
pub struct Answer {
    pub status: u16,
    pub body: Json,
    /// Seconds after which one may ask again.
    pub retry_after: Option<u64>,
    /// From the first byte sent to the last one received.
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nobody listens: the request was never sent.
    Unreachable,
    /// The connection ended before the answer did; nobody knows what became of the request.
    Lost(io::Error),
    Hung(Duration),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => write!(f, "nobody listens"),
            Self::Lost(error) => write!(f, "the connection was lost: {error}"),
            Self::Hung(patience) => write!(f, "no answer within {} s", patience.as_secs()),
        }
    }
}

impl Client {
    pub fn new(port: u16) -> Self {
        Self {
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            connection: None,
            token: None,
            manner: Manner::Keep,
            patience: PATIENCE,
        }
    }

    /// A client that shows `token` with each request.
    pub fn with_token(port: u16, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::new(port) }
    }

    #[must_use]
    pub const fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// A request that is not answered within `patience` hangs.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.ask("GET", path, "", None).await
    }

    pub async fn post(&mut self, path: &str, body: &Json) -> Result<Answer, Failure> {
        self.ask("POST", path, "", Some(body)).await
    }

    /// `fields` are further ones of the head, each with its end of line.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        fields: &str,
        body: Option<&Json>,
    ) -> Result<Answer, Failure> {
        let request = self.request(method, path, fields, body);
        timeout(self.patience, self.exchange(&request)).await.unwrap_or_else(|_| {
            self.connection = None;
            Err(Failure::Hung(self.patience))
        })
    }

    fn request(&self, method: &str, path: &str, fields: &str, body: Option<&Json>) -> String {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let bearer = self.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let manner = if self.manner == Manner::Close { "connection: close\r\n" } else { "" };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{bearer}{manner}{fields}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
            self.server
        )
    }

    async fn exchange(&mut self, request: &str) -> Result<Answer, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let sent = Instant::now();
        connection.get_mut().write_all(request.as_bytes()).await.map_err(Failure::Lost)?;
        let Read { status, retry_after, body, is_kept } = read(&mut connection).await.map_err(Failure::Lost)?;
        let took = sent.elapsed();
        if is_kept && self.manner == Manner::Keep {
            self.connection = Some(connection);
        }
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default(), retry_after, took })
    }

    async fn connect(&self) -> Result<BufReader<TcpStream>, Failure> {
        let stream = TcpStream::connect(self.server).await.map_err(|_| Failure::Unreachable)?;
        stream.set_nodelay(true).map_err(Failure::Lost)?;
        Ok(BufReader::new(stream))
    }
}

/// What was read of an answer, and whether its connection may be used again.
struct Read {
    status: u16,
    retry_after: Option<u64>,
    body: Vec<u8>,
    is_kept: bool,
}

async fn read(connection: &mut BufReader<TcpStream>) -> io::Result<Read> {
    let mut line = String::new();
    connection.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| cut("a status line"))?;
    let (mut length, mut retry_after, mut is_kept) = (0, None, true);
    loop {
        line.clear();
        if connection.read_line(&mut line).await? == 0 {
            return Err(cut("the end of the head"));
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(|_| cut("a length"))?,
            "retry-after" => retry_after = value.trim().parse().ok(),
            "connection" => is_kept = !value.trim().eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    Ok(Read { status, retry_after, body, is_kept })
}

fn cut(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("{what} was expected"))
}
