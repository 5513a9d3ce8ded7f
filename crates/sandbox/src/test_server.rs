//! A server for what a test makes up.

use axum::Router;
use url::Url;

/// Serves on a free port of `127.0.0.1` until the test ends; the address.
pub(crate) fn serve(app: Router) -> Url {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = axum_server::from_tcp(listener).unwrap();
    tokio::spawn(server.serve(app.into_make_service()));
    url.parse().unwrap()
}
