//! The names of keys and channels.

use std::fmt::Write;

use tower_circuit_breaker_fleet::partition::partition;

/// Makes the names of all keys. All of one partition carry the same hash tag, so that a script finds
/// them in one place.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
    partitions: u16,
    /// Channels are those of all databases.
    database: i64,
}

impl Keys {
    /// The prefix is made of what [`is_node`](tower_circuit_breaker_fleet::record::is_node) allows.
    pub(crate) fn new(prefix: &str, partitions: u16) -> Self {
        Self { prefix: prefix.to_owned(), partitions: partitions.max(1), database: 0 }
    }

    /// The same in this database.
    pub(crate) fn in_database(self, database: i64) -> Self {
        Self { database, ..self }
    }

    /// How many partitions there are.
    pub(crate) const fn partitions(&self) -> u16 {
        self.partitions
    }

    /// Where changes are published.
    pub(crate) fn channel(&self) -> String {
        match self.database {
            0 => format!("{}:changes", self.prefix),
            other => format!("{}:changes:{other}", self.prefix),
        }
    }

    pub(crate) fn record(&self, circuit: &str) -> String {
        self.of_circuit(circuit, "record")
    }

    pub(crate) fn votes(&self, circuit: &str) -> String {
        self.of_circuit(circuit, "votes")
    }

    /// The lease `slot` of the open epoch of this number.
    pub(crate) fn lease(&self, circuit: &str, epoch: u64, slot: u32) -> String {
        self.of_circuit(circuit, &format!("probe:{epoch}:{slot}"))
    }

    /// The number of changes of the partition that a circuit is in.
    pub(crate) fn changes_of(&self, circuit: &str) -> String {
        self.changes(partition(circuit, self.partitions))
    }

    /// The number of changes of a partition.
    pub(crate) fn changes(&self, partition: u16) -> String {
        self.of_partition(partition, "changes")
    }

    /// The start of the keys of a partition's sums.
    pub(crate) fn sums(&self, partition: u16) -> String {
        self.of_partition(partition, "sums:")
    }

    /// What the process of this name says of itself.
    pub(crate) fn process(&self, name: &str) -> String {
        self.of_fleet(&format!("process:{name}"))
    }

    /// The names of the processes that are there.
    pub(crate) fn processes(&self) -> String {
        self.of_fleet("processes")
    }

    /// How the fleet has laid its keys.
    pub(crate) fn layout(&self) -> String {
        self.of_fleet("layout")
    }

    /// No partition's key has a `~`.
    fn of_fleet(&self, what: &str) -> String {
        format!("{{{}:~}}:{what}", self.prefix)
    }

    fn of_circuit(&self, circuit: &str, what: &str) -> String {
        let what = format!("{what}:{}", escape(circuit));
        self.of_partition(partition(circuit, self.partitions), &what)
    }

    fn of_partition(&self, partition: u16, what: &str) -> String {
        format!("{{{}:{partition}}}:{what}", self.prefix)
    }
}

/// `name` with everything but letters, digits, `_`, `-` and `.` as `%` and two digits: one key for
/// each name, and nothing in it that means anything to Redis, a shell or a terminal.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
