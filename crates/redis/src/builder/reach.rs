//! How the fleet's Redis is reached.

use std::sync::Arc;

use crate::builder::RedisSyncBuilder;

impl RedisSyncBuilder {
    /// Trusts servers whose certificate was signed by this one, in PEM form.
    ///
    /// Instead of those that the system trusts. For `rediss://` and `rediss+sentinel://`.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.places.root_certificate = Some(pem.into());
        self
    }

    /// Shows this certificate to servers, with its private `key`, both in PEM form.
    ///
    /// For servers that ask for one. For `rediss://` and `rediss+sentinel://`. Default: none.
    ///
    /// [`connect`](Self::connect) refuses a `key` or a `certificate` that is none.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::fs;
    ///
    /// use tower_circuit_breaker_redis::RedisSync;
    ///
    /// # fn example() -> std::io::Result<()> {
    /// let builder = RedisSync::builder("rediss://redis.internal:6379")
    ///     .root_certificate(fs::read("ca.pem")?)
    ///     .client_certificate(fs::read("client.pem")?, fs::read("client.key")?);
    /// # let _ = builder;
    /// # Ok(())
    /// # }
    /// ```
    pub fn client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.places.client_certificate = Some([certificate.into(), key.into()]);
        self
    }

    /// Logs in to Sentinels as `user` with `password`. Default: without a login.
    ///
    /// Sentinels have users of their own; the login in the URL is that of the primary. Where they know
    /// a password alone (`requirepass`), `user` is empty. Such a user needs
    /// `+sentinel|get-master-addr-by-name`, and nothing else. Ignored for other URLs.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker_redis::RedisSync;
    ///
    /// let url = "redis+sentinel://web:one-secret@sentinel-1,sentinel-2/payments";
    /// let builder = RedisSync::builder(url).sentinel_login("watcher", "another-secret");
    /// # let _ = builder;
    /// ```
    pub fn sentinel_login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.places.sentinel_login = Some([user.into(), password.into()]);
        self
    }

    /// Adds addresses, each a URL, at which to look for the fleet's Redis. Default: none.
    ///
    /// They are tried while the one of the URL is away.
    ///
    /// For a Redis Cluster, which is found by any of its nodes; that a server is one is read from its
    /// answer to `HELLO`. Login, TLS and database are those of the first URL. Ignored for a URL of
    /// Sentinels, which names all of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker_redis::RedisSync;
    ///
    /// let builder = RedisSync::builder("redis://:a-secret@node-1:6379")
    ///     .nodes(["redis://node-2:6379", "redis://node-3:6379"]);
    /// # let _ = builder;
    /// ```
    pub fn nodes<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.places.nodes = urls.into_iter().map(Into::into).collect();
        self
    }

    /// Replaces the address by which a Redis Cluster calls a node by what `map` gives for it.
    ///
    /// Default: each node is reached at the address by which the cluster calls it.
    ///
    /// For clusters behind address translation, in containers for example, and for those whose
    /// certificates are made out to other names. A node that joins later is asked about when the link
    /// connects again, which it does when it is led to an address that it cannot reach. Ignored where
    /// the server is no cluster.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker_redis::RedisSync;
    ///
    /// let builder = RedisSync::builder("redis://127.0.0.1:17001")
    ///     .map_address(|_, port| ("127.0.0.1".to_owned(), port + 10_000));
    /// # let _ = builder;
    /// ```
    pub fn map_address(
        mut self,
        map: impl Fn(&str, u16) -> (String, u16) + Send + Sync + 'static,
    ) -> Self {
        self.places.map_address = Some(Arc::new(map));
        self
    }
}
