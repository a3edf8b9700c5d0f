//! The four web systems, over HTTP/1.1.

mod fhir;
mod page;
mod pattern;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;

use self::pattern::Pattern;
use super::checksum::{Checksum, Sum};
use super::idle::Idle;
use super::kind::Kind;
use super::listener::{Accepted, Protocol};
use super::proxy::ProxyInfo;

type Reply = Response<Either<Full<Bytes>, Pattern>>;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// One web system.
#[derive(Clone)]
pub(crate) struct Site {
    kind: Kind,
    idle_limit: Duration,
}

/// What `GET /whoami` answers.
#[derive(Serialize)]
struct Whoami<'a> {
    system: &'static str,
    /// The other end of this TCP connection.
    peer: SocketAddr,
    /// Null when the connection began without a PROXY protocol header.
    proxy: Option<&'a ProxyInfo>,
}

impl Site {
    pub(crate) fn new(kind: Kind, idle_limit: Duration) -> Self {
        Self { kind, idle_limit }
    }

    async fn answer(&self, request: Request<Incoming>, caller: &Caller) -> Reply {
        match (request.method().as_str(), request.uri().path()) {
            ("GET" | "HEAD", "/") => whole(HTML, page::render(self.kind)),
            ("GET" | "HEAD", "/health") => whole(TEXT, "ok"),
            ("GET" | "HEAD", "/bytes") => bytes(request.uri().query()),
            ("GET" | "HEAD", "/whoami") => json(&Whoami {
                system: self.kind.id(),
                peer: caller.peer,
                proxy: caller.proxy.as_ref(),
            }),
            ("GET" | "HEAD", "/metadata") if self.kind == Kind::ChiikiKanja => {
                whole(fhir::MEDIA_TYPE, fhir::capability_statement().to_string())
            }
            ("POST", "/upload") => match take_in(request.into_body()).await {
                Ok(sum) => json(&sum),
                Err(_) => refuse(StatusCode::BAD_REQUEST, "the body broke off"),
            },
            _ => refuse(StatusCode::NOT_FOUND, "no such page, or not by this method"),
        }
    }
}

/// Who is at the other end, as far as this system can see.
struct Caller {
    peer: SocketAddr,
    proxy: Option<ProxyInfo>,
}

impl Protocol for Site {
    type Error = hyper::Error;

    async fn serve(self, connection: Accepted) -> Result<(), hyper::Error> {
        let Accepted { stream, peer, proxy } = connection;
        let caller = Caller { peer, proxy };
        let service =
            service_fn(async |request| Ok::<_, Infallible>(self.answer(request, &caller).await));
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.idle_limit)
            .serve_connection(TokioIo::new(Idle::new(stream, self.idle_limit)), service)
            .await
    }
}

/// Reads a body to its end without keeping it.
async fn take_in(mut body: Incoming) -> Result<Sum, hyper::Error> {
    let mut checksum = Checksum::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            checksum.update(data);
        }
    }
    Ok(checksum.finish())
}

fn bytes(query: Option<&str>) -> Reply {
    let count = query.and_then(|query| query.strip_prefix("n=")).and_then(|n| n.parse().ok());
    match count {
        Some(count) => with_type(BINARY, Either::Right(Pattern::new(count))),
        None => refuse(StatusCode::BAD_REQUEST, "say how many bytes: /bytes?n=1048576"),
    }
}

fn json(value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(text) => whole(JSON, text),
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "the answer has no JSON form"),
    }
}

fn refuse(status: StatusCode, why: &'static str) -> Reply {
    let mut reply = whole(TEXT, why);
    *reply.status_mut() = status;
    reply
}

fn whole(media_type: &'static str, body: impl Into<Bytes>) -> Reply {
    with_type(media_type, Either::Left(Full::new(body.into())))
}

fn with_type(media_type: &'static str, body: Either<Full<Bytes>, Pattern>) -> Reply {
    let mut reply = Response::new(body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    reply
}
