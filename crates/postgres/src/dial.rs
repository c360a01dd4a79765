//! How a connection is made, whatever its TLS.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{Stream, poll_fn};
use tokio_postgres::config::Host;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Error, Socket};

/// Makes connections by the user's TLS, or by none.
#[derive(Clone)]
pub(crate) struct Dial(Arc<Dialling>);

type Dialling =
    dyn Fn(Config) -> Pin<Box<dyn Future<Output = Result<Dialled, Error>> + Send>> + Send + Sync;

/// What came of it: who asks, and what comes unasked, which has to be read for anything to move.
pub(crate) struct Dialled {
    pub(crate) client: Client,
    pub(crate) messages: Pin<Box<dyn Stream<Item = Result<AsyncMessage, Error>> + Send>>,
    /// Ends what the server is at for it, over a connection of its own.
    pub(crate) cancel: Cancel,
}

pub(crate) type Cancel =
    Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync>;

impl Dial {
    pub(crate) fn by<T>(tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        Self(Arc::new(move |config| {
            let tls = tls.clone();
            Box::pin(async move {
                let (client, mut connection) = config.connect(tls.clone()).await?;
                let messages = Box::pin(poll_fn(move |context| connection.poll_message(context)));
                let token = client.cancel_token();
                let cancel: Cancel =
                    Box::new(move || Box::pin(async move { token.cancel_query(tls).await }));
                Ok(Dialled { client, messages, cancel })
            })
        }))
    }

    pub(crate) async fn dial(&self, config: Config) -> Result<Dialled, Error> {
        (self.0)(config).await
    }
}

/// The servers that `config` names, each by itself: one that hangs is not to keep the next from being
/// tried.
pub(crate) fn servers(config: &Config) -> Vec<Config> {
    let most = config.get_hosts().len().max(config.get_hostaddrs().len());
    (0..most).map(|at| server(config, at)).collect()
}

fn server(config: &Config, at: usize) -> Config {
    let mut one = Config::new();
    match config.get_hosts().get(at) {
        Some(Host::Tcp(name)) => drop(one.host(name.as_str())),
        #[cfg(unix)]
        Some(Host::Unix(path)) => drop(one.host_path(path)),
        None => {}
    }
    config.get_hostaddrs().get(at).map(|address| one.hostaddr(*address));
    let ports = config.get_ports();
    ports.get(at).or_else(|| ports.first()).map(|port| one.port(*port));
    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|name| one.dbname(name));
    config.get_options().map(|options| one.options(options));
    one.application_name(config.get_application_name().unwrap_or("circuit-breaker"));
    one.ssl_mode(config.get_ssl_mode()).ssl_negotiation(config.get_ssl_negotiation());
    one.channel_binding(config.get_channel_binding());
    one.keepalives(config.get_keepalives()).keepalives_idle(config.get_keepalives_idle());
    one
}

/// Where a server is, for people.
pub(crate) fn address(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        #[cfg(unix)]
        Some(Host::Unix(path)) => format!("{}/.s.PGSQL.{port}", path.display()),
        None => {
            config.get_hostaddrs().first().map_or_else(String::new, |at| format!("{at}:{port}"))
        }
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_tried_by_itself_with_the_login_of_all() {
        let all: Config =
            "postgresql://web:secret@one:5433,two:5434/shop?application_name=api".parse().unwrap();

        let servers = servers(&all);

        assert_eq!(servers.iter().map(address).collect::<Vec<_>>(), ["one:5433", "two:5434"]);
        for server in servers {
            assert_eq!(server.get_hosts().len(), 1);
            assert_eq!(server.get_user(), Some("web"));
            assert_eq!(server.get_password(), Some(b"secret".as_slice()));
            assert_eq!(server.get_dbname(), Some("shop"));
            assert_eq!(server.get_application_name(), Some("api"));
        }
    }

    #[test]
    fn one_port_is_that_of_all_and_a_socket_is_a_file() {
        let all: Config = "host=one,two port=6000".parse().unwrap();
        assert_eq!(servers(&all).iter().map(address).collect::<Vec<_>>(), ["one:6000", "two:6000"]);
        let socket: Config = "host=/run/postgresql".parse().unwrap();
        assert_eq!(address(&servers(&socket)[0]), "/run/postgresql/.s.PGSQL.5432");
    }
}
