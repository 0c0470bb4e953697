/**
 * The APIs of the protocol by their keys (Apache Kafka 4.1; versions that 4.0 removed included).
 * Invariant: an entry's place is its key.
 */

export interface Api {
  readonly name: string;
  /** Highest version that our layouts describe. */
  readonly versionMax: number;
  /** First version with compact lengths and tagged fields; Infinity when there is none. */
  readonly flexibleFrom: number;
}

/** Name, highest version, first flexible version (- = none). */
const TABLE = `
Produce 13 9|Fetch 18 12|ListOffsets 10 6|Metadata 13 9|LeaderAndIsr 7 4|StopReplica 4 2
UpdateMetadata 8 6|ControlledShutdown 3 3|OffsetCommit 10 8|OffsetFetch 10 6
FindCoordinator 6 3|JoinGroup 9 6|Heartbeat 4 4|LeaveGroup 5 4|SyncGroup 5 4
DescribeGroups 6 5|ListGroups 5 3|SaslHandshake 1 -|ApiVersions 4 3|CreateTopics 7 5
DeleteTopics 6 4|DeleteRecords 2 2|InitProducerId 6 2|OffsetForLeaderEpoch 4 4
AddPartitionsToTxn 5 3|AddOffsetsToTxn 4 3|EndTxn 5 3|WriteTxnMarkers 1 1
TxnOffsetCommit 5 3|DescribeAcls 3 2|CreateAcls 3 2|DeleteAcls 3 2|DescribeConfigs 4 4
AlterConfigs 2 2|AlterReplicaLogDirs 2 2|DescribeLogDirs 4 2|SaslAuthenticate 2 2
CreatePartitions 3 2|CreateDelegationToken 3 2|RenewDelegationToken 2 2
ExpireDelegationToken 2 2|DescribeDelegationToken 3 2|DeleteGroups 2 2|ElectLeaders 2 2
IncrementalAlterConfigs 1 1|AlterPartitionReassignments 1 0|ListPartitionReassignments 0 0
OffsetDelete 0 -|DescribeClientQuotas 1 1|AlterClientQuotas 1 1
DescribeUserScramCredentials 0 0|AlterUserScramCredentials 0 0|Vote 2 0
BeginQuorumEpoch 1 1|EndQuorumEpoch 1 1|DescribeQuorum 2 0|AlterPartition 3 0
UpdateFeatures 2 0|Envelope 0 0|FetchSnapshot 1 0|DescribeCluster 2 0|DescribeProducers 0 0
BrokerRegistration 4 0|BrokerHeartbeat 1 0|UnregisterBroker 0 0|DescribeTransactions 0 0
ListTransactions 2 0|AllocateProducerIds 0 0|ConsumerGroupHeartbeat 1 0
ConsumerGroupDescribe 1 0|ControllerRegistration 0 0|GetTelemetrySubscriptions 0 0
PushTelemetry 0 0|AssignReplicasToDirs 0 0|ListConfigResources 1 0
DescribeTopicPartitions 0 0|ShareGroupHeartbeat 1 0|ShareGroupDescribe 1 0|ShareFetch 1 0
ShareAcknowledge 1 0|AddRaftVoter 0 0|RemoveRaftVoter 0 0|UpdateRaftVoter 0 0
InitializeShareGroupState 0 0|ReadShareGroupState 0 0|WriteShareGroupState 0 0
DeleteShareGroupState 0 0|ReadShareGroupStateSummary 0 0|StreamsGroupHeartbeat 0 0
StreamsGroupDescribe 0 0|DescribeShareGroupOffsets 0 0|AlterShareGroupOffsets 0 0
DeleteShareGroupOffsets 0 0`;

export const apis: readonly Api[] = TABLE.trim()
  .split(/[|\n]/)
  .map((entry) => {
    const [name = "", versionMax, flexibleFrom] = entry.split(" ");
    const flexible = flexibleFrom === "-" ? Number.POSITIVE_INFINITY : Number(flexibleFrom);
    return { name, versionMax: Number(versionMax), flexibleFrom: flexible };
  });

/** Keys that the code asks for by name. */
export const ApiKey = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  saslHandshake: 17,
  apiVersions: 18,
  txnOffsetCommit: 28,
  saslAuthenticate: 36,
  consumerGroupHeartbeat: 68,
} as const;

/** Whether the bodies of this version have compact lengths and tagged fields. */
export function isFlexible(key: number, version: number): boolean {
  return version >= (apis[key]?.flexibleFrom ?? Number.POSITIVE_INFINITY);
}

/** ApiVersions is answered with the oldest header, so that every client can read it (KIP-511). */
export function hasTaggedResponseHeader(key: number, version: number): boolean {
  return key !== ApiKey.apiVersions && isFlexible(key, version);
}
