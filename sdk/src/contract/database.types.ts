
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "mayfly": {
          Tables: {
            "agent_liveness": {
                  Row: {
                    "agent_id": string,"last_seen_at": string,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id": string,"last_seen_at": string,"tenant_id": string
                  }
                  Update: {
                    "agent_id"?: string,"last_seen_at"?: string,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "agent_liveness_agent_fkey"
      columns: ["tenant_id","agent_id"]
isOneToOne: true
      referencedRelation: "agents"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"agent_types": {
                  Row: {
                    "capabilities": (string)[],"created_at": string,"created_by": string | null,"description": string,"lifetime": string | null,"max_lifetime": string | null,"max_living": number | null,"metadata": NonNullable<Json>,"name": string,"prompt": string,"role": string,"scopes": (string)[] | null,"tenant_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "capabilities"?: (string)[],"created_at"?: string,"created_by"?: string | null,"description"?: string,"lifetime"?: string | null,"max_lifetime"?: string | null,"max_living"?: number | null,"metadata"?: NonNullable<Json>,"name": string,"prompt"?: string,"role"?: string,"scopes"?: (string)[] | null,"tenant_id": string,"version": number
                  }
                  Update: {
                    "capabilities"?: (string)[],"created_at"?: string,"created_by"?: string | null,"description"?: string,"lifetime"?: string | null,"max_lifetime"?: string | null,"max_living"?: number | null,"metadata"?: NonNullable<Json>,"name"?: string,"prompt"?: string,"role"?: string,"scopes"?: (string)[] | null,"tenant_id"?: string,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "agent_types_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"agents": {
                  Row: {
                    "activity": string,"ancestors": (string)[],"capabilities": (string)[],"depth": number,"expires_at": string,"id": string,"lifetime": string,"metadata": NonNullable<Json>,"name": string,"parent_id": string | null,"renews": boolean | null,"scopes": (string)[],"spawned_at": string,"spawned_by": string | null,"status": string,"stop_reason": string | null,"stopped_at": string | null,"suspend_reason": string | null,"suspended_at": string | null,"task": string | null,"tenant_id": string,"type": string,"type_version": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "activity"?: string,"ancestors"?: (string)[],"capabilities"?: (string)[],"depth"?: number,"expires_at": string,"id"?: string,"lifetime": string,"metadata"?: NonNullable<Json>,"name": string,"parent_id"?: string | null,"renews"?: boolean | null,"scopes"?: (string)[],"spawned_at"?: string,"spawned_by"?: string | null,"status"?: string,"stop_reason"?: string | null,"stopped_at"?: string | null,"suspend_reason"?: string | null,"suspended_at"?: string | null,"task"?: string | null,"tenant_id": string,"type"?: string,"type_version"?: number | null
                  }
                  Update: {
                    "activity"?: string,"ancestors"?: (string)[],"capabilities"?: (string)[],"depth"?: number,"expires_at"?: string,"id"?: string,"lifetime"?: string,"metadata"?: NonNullable<Json>,"name"?: string,"parent_id"?: string | null,"renews"?: boolean | null,"scopes"?: (string)[],"spawned_at"?: string,"spawned_by"?: string | null,"status"?: string,"stop_reason"?: string | null,"stopped_at"?: string | null,"suspend_reason"?: string | null,"suspended_at"?: string | null,"task"?: string | null,"tenant_id"?: string,"type"?: string,"type_version"?: number | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "agents_parent_fkey"
      columns: ["tenant_id","parent_id"]
isOneToOne: false
      referencedRelation: "agents"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "agents_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "agents_type_fkey"
      columns: ["tenant_id","type","type_version"]
isOneToOne: false
      referencedRelation: "agent_types"
      referencedColumns: ["tenant_id","name","version"]
    }
                  ]
                },"approval_decisions": {
                  Row: {
                    "approval_id": string,"at": string,"decided_by": string,"decided_kind": string,"delegated_to": string | null,"digest": string,"reason": string | null,"tenant_id": string,"verdict": string
                  }
                  ComputedFields: never
                  Insert: {
                    "approval_id": string,"at"?: string,"decided_by": string,"decided_kind": string,"delegated_to"?: string | null,"digest": string,"reason"?: string | null,"tenant_id": string,"verdict": string
                  }
                  Update: {
                    "approval_id"?: string,"at"?: string,"decided_by"?: string,"decided_kind"?: string,"delegated_to"?: string | null,"digest"?: string,"reason"?: string | null,"tenant_id"?: string,"verdict"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "approval_decisions_approval_fkey"
      columns: ["tenant_id","approval_id"]
isOneToOne: false
      referencedRelation: "approvals"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"approval_policies": {
                  Row: {
                    "agent_type": string,"autonomy": string,"category": string,"escalate_after": string | null,"escalation_roles": (string)[] | null,"expires_in": string | null,"min_confidence": number | null,"notify": string | null,"quorum": number,"requester_decides": boolean,"roles": (string)[] | null,"tenant_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_type"?: string,"autonomy"?: string,"category"?: string,"escalate_after"?: string | null,"escalation_roles"?: (string)[] | null,"expires_in"?: string | null,"min_confidence"?: number | null,"notify"?: string | null,"quorum"?: number,"requester_decides"?: boolean,"roles"?: (string)[] | null,"tenant_id": string,"updated_at"?: string
                  }
                  Update: {
                    "agent_type"?: string,"autonomy"?: string,"category"?: string,"escalate_after"?: string | null,"escalation_roles"?: (string)[] | null,"expires_in"?: string | null,"min_confidence"?: number | null,"notify"?: string | null,"quorum"?: number,"requester_decides"?: boolean,"roles"?: (string)[] | null,"tenant_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "approval_policies_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"approvals": {
                  Row: {
                    "attempt": number | null,"bytes": number,"category": string,"confidence": number | null,"created_at": string,"decided_at": string | null,"deciders": (string)[] | null,"delegates": (string)[],"digest": string,"escalated_at": string | null,"escalates_at": string | null,"escalation_roles": (string)[] | null,"expires_at": string | null,"id": string,"input": NonNullable<Json>,"input_schema": Json | null,"job_id": string | null,"milestone": boolean,"notify": string | null,"quorum": number,"requested_by": string | null,"requested_kind": string,"requester_decides": boolean,"roles": (string)[] | null,"status": string,"step": string | null,"tenant_id": string,"title": string,"used_at": string | null,"waived": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt"?: number | null,"bytes": number,"category"?: string,"confidence"?: number | null,"created_at"?: string,"decided_at"?: string | null,"deciders"?: (string)[] | null,"delegates"?: (string)[],"digest": string,"escalated_at"?: string | null,"escalates_at"?: string | null,"escalation_roles"?: (string)[] | null,"expires_at"?: string | null,"id"?: string,"input": NonNullable<Json>,"input_schema"?: Json | null,"job_id"?: string | null,"milestone"?: boolean,"notify"?: string | null,"quorum"?: number,"requested_by"?: string | null,"requested_kind": string,"requester_decides"?: boolean,"roles"?: (string)[] | null,"status"?: string,"step"?: string | null,"tenant_id": string,"title": string,"used_at"?: string | null,"waived"?: string | null
                  }
                  Update: {
                    "attempt"?: number | null,"bytes"?: number,"category"?: string,"confidence"?: number | null,"created_at"?: string,"decided_at"?: string | null,"deciders"?: (string)[] | null,"delegates"?: (string)[],"digest"?: string,"escalated_at"?: string | null,"escalates_at"?: string | null,"escalation_roles"?: (string)[] | null,"expires_at"?: string | null,"id"?: string,"input"?: NonNullable<Json>,"input_schema"?: Json | null,"job_id"?: string | null,"milestone"?: boolean,"notify"?: string | null,"quorum"?: number,"requested_by"?: string | null,"requested_kind"?: string,"requester_decides"?: boolean,"roles"?: (string)[] | null,"status"?: string,"step"?: string | null,"tenant_id"?: string,"title"?: string,"used_at"?: string | null,"waived"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "approvals_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"artifacts": {
                  Row: {
                    "bytes": number,"created_at": string,"created_by": string | null,"id": string,"media_type": string,"metadata": NonNullable<Json>,"name": string,"sha256": string,"size": number,"status": string,"team_id": string | null,"tenant_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes": number,"created_at"?: string,"created_by"?: string | null,"id"?: string,"media_type": string,"metadata"?: NonNullable<Json>,"name": string,"sha256": string,"size": number,"status"?: string,"team_id"?: string | null,"tenant_id": string,"version": number
                  }
                  Update: {
                    "bytes"?: number,"created_at"?: string,"created_by"?: string | null,"id"?: string,"media_type"?: string,"metadata"?: NonNullable<Json>,"name"?: string,"sha256"?: string,"size"?: number,"status"?: string,"team_id"?: string | null,"tenant_id"?: string,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "artifacts_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"assignments": {
                  Row: {
                    "agent_id": string,"agent_type": string,"assigned_at": string,"assigned_by": string | null,"capabilities": (string)[],"ended": boolean,"job_id": string,"rated_at": string | null,"rated_by": string | null,"released": boolean,"reward": number | null,"tenant_id": string,"work": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id": string,"agent_type": string,"assigned_at"?: string,"assigned_by"?: string | null,"capabilities"?: (string)[],"ended"?: boolean,"job_id": string,"rated_at"?: string | null,"rated_by"?: string | null,"released"?: boolean,"reward"?: number | null,"tenant_id": string,"work": string
                  }
                  Update: {
                    "agent_id"?: string,"agent_type"?: string,"assigned_at"?: string,"assigned_by"?: string | null,"capabilities"?: (string)[],"ended"?: boolean,"job_id"?: string,"rated_at"?: string | null,"rated_by"?: string | null,"released"?: boolean,"reward"?: number | null,"tenant_id"?: string,"work"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "assignments_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"ballots": {
                  Row: {
                    "cast_at": string,"choice": string,"poll_id": string,"reason": string | null,"tenant_id": string,"voter_id": string,"weight": number
                  }
                  ComputedFields: never
                  Insert: {
                    "cast_at": string,"choice": string,"poll_id": string,"reason"?: string | null,"tenant_id": string,"voter_id": string,"weight": number
                  }
                  Update: {
                    "cast_at"?: string,"choice"?: string,"poll_id"?: string,"reason"?: string | null,"tenant_id"?: string,"voter_id"?: string,"weight"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "ballots_poll_fkey"
      columns: ["tenant_id","poll_id"]
isOneToOne: false
      referencedRelation: "polls"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"bids": {
                  Row: {
                    "agent_id": string,"made_at": string,"note": string | null,"price": number,"score": number,"tenant_id": string,"tender_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id": string,"made_at": string,"note"?: string | null,"price": number,"score": number,"tenant_id": string,"tender_id": string
                  }
                  Update: {
                    "agent_id"?: string,"made_at"?: string,"note"?: string | null,"price"?: number,"score"?: number,"tenant_id"?: string,"tender_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "bids_tender_fkey"
      columns: ["tenant_id","tender_id"]
isOneToOne: false
      referencedRelation: "tenders"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"budgets": {
                  Row: {
                    "hard_tokens": number | null,"hard_usd": number | null,"held_tokens": number,"held_usd": number,"id": string,"level": string,"period": string,"period_start": string,"reached_at": string | null,"refused_at": string | null,"soft_usd": number | null,"spent_tokens": number,"spent_usd": number,"subject": string,"tenant_id": string,"unpriced": number
                  }
                  ComputedFields: never
                  Insert: {
                    "hard_tokens"?: number | null,"hard_usd"?: number | null,"held_tokens"?: number,"held_usd"?: number,"id"?: string,"level": string,"period"?: string,"period_start"?: string,"reached_at"?: string | null,"refused_at"?: string | null,"soft_usd"?: number | null,"spent_tokens"?: number,"spent_usd"?: number,"subject": string,"tenant_id": string,"unpriced"?: number
                  }
                  Update: {
                    "hard_tokens"?: number | null,"hard_usd"?: number | null,"held_tokens"?: number,"held_usd"?: number,"id"?: string,"level"?: string,"period"?: string,"period_start"?: string,"reached_at"?: string | null,"refused_at"?: string | null,"soft_usd"?: number | null,"spent_tokens"?: number,"spent_usd"?: number,"subject"?: string,"tenant_id"?: string,"unpriced"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "budgets_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"channel_subscriptions": {
                  Row: {
                    "acknowledged": number,"channel_id": string,"subscribed_at": string,"subscriber_id": string,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "acknowledged"?: number,"channel_id": string,"subscribed_at"?: string,"subscriber_id": string,"tenant_id": string
                  }
                  Update: {
                    "acknowledged"?: number,"channel_id"?: string,"subscribed_at"?: string,"subscriber_id"?: string,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "channel_subscriptions_channel_fkey"
      columns: ["tenant_id","channel_id"]
isOneToOne: false
      referencedRelation: "channels"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"channels": {
                  Row: {
                    "created_at": string,"created_by": string | null,"description": string,"id": string,"kind": string,"last_seq": number,"name": string,"publishers": (string)[],"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string,"id"?: string,"kind": string,"last_seq"?: number,"name": string,"publishers"?: (string)[],"tenant_id": string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string,"id"?: string,"kind"?: string,"last_seq"?: number,"name"?: string,"publishers"?: (string)[],"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "channels_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"checkpoints": {
                  Row: {
                    "body": string,"bytes": number,"channels": NonNullable<Json>,"created_at": string,"id": string,"metadata": NonNullable<Json>,"ns": string,"parent": string | null,"tenant_id": string,"thread_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "body": string,"bytes": number,"channels": NonNullable<Json>,"created_at"?: string,"id": string,"metadata": NonNullable<Json>,"ns": string,"parent"?: string | null,"tenant_id": string,"thread_id": string
                  }
                  Update: {
                    "body"?: string,"bytes"?: number,"channels"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"metadata"?: NonNullable<Json>,"ns"?: string,"parent"?: string | null,"tenant_id"?: string,"thread_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "checkpoints_thread_fkey"
      columns: ["tenant_id","thread_id"]
isOneToOne: false
      referencedRelation: "threads"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"debug_records": {
                  Row: {
                    "agent_id": string,"at": string,"bytes": number,"category": string,"data": Json | null,"dropped": number,"duration_ms": number | null,"id": string,"level": number,"name": string,"stored_at": string,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id": string,"at": string,"bytes": number,"category": string,"data"?: Json | null,"dropped"?: number,"duration_ms"?: number | null,"id": string,"level": number,"name": string,"stored_at"?: string,"tenant_id": string
                  }
                  Update: {
                    "agent_id"?: string,"at"?: string,"bytes"?: number,"category"?: string,"data"?: Json | null,"dropped"?: number,"duration_ms"?: number | null,"id"?: string,"level"?: number,"name"?: string,"stored_at"?: string,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "debug_records_agent_fkey"
      columns: ["tenant_id","agent_id"]
isOneToOne: false
      referencedRelation: "agents"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "debug_records_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"deliveries": {
                  Row: {
                    "acknowledged_at": string | null,"attempts": number,"message_id": string,"recipient_id": string,"sender_id": string | null,"seq": number,"session": string | null,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "acknowledged_at"?: string | null,"attempts"?: number,"message_id": string,"recipient_id": string,"sender_id"?: string | null,"seq": number,"session"?: string | null,"tenant_id": string
                  }
                  Update: {
                    "acknowledged_at"?: string | null,"attempts"?: number,"message_id"?: string,"recipient_id"?: string,"sender_id"?: string | null,"seq"?: number,"session"?: string | null,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "deliveries_message_fkey"
      columns: ["tenant_id","message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"enrolment_keys": {
                  Row: {
                    "created_at": string,"created_by": string | null,"expires_at": string,"id": string,"last_used_at": string | null,"name": string,"revoked_at": string | null,"scopes": (string)[],"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"expires_at": string,"id"?: string,"last_used_at"?: string | null,"name": string,"revoked_at"?: string | null,"scopes": (string)[],"tenant_id": string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"expires_at"?: string,"id"?: string,"last_used_at"?: string | null,"name"?: string,"revoked_at"?: string | null,"scopes"?: (string)[],"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "enrolment_keys_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"entities": {
                  Row: {
                    "agent_id": string | null,"created_at": string,"description": string,"id": string,"is_set": boolean,"name": string,"private_to": string | null,"tenant_id": string,"type": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id"?: string | null,"created_at"?: string,"description"?: string,"id"?: string,"is_set"?: boolean,"name": string,"private_to"?: string | null,"tenant_id": string,"type"?: string,"updated_at"?: string
                  }
                  Update: {
                    "agent_id"?: string | null,"created_at"?: string,"description"?: string,"id"?: string,"is_set"?: boolean,"name"?: string,"private_to"?: string | null,"tenant_id"?: string,"type"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "entities_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"entity_names": {
                  Row: {
                    "entity_id": string,"key": string,"name": string,"private_to": string | null,"tenant_id": string,"type": string
                  }
                  ComputedFields: never
                  Insert: {
                    "entity_id": string,"key": string,"name": string,"private_to"?: string | null,"tenant_id": string,"type": string
                  }
                  Update: {
                    "entity_id"?: string,"key"?: string,"name"?: string,"private_to"?: string | null,"tenant_id"?: string,"type"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "entity_names_entity_fkey"
      columns: ["tenant_id","entity_id"]
isOneToOne: false
      referencedRelation: "entities"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"event_kinds": {
                  Row: {
                    "admin_scope": string | null,"description": string,"kind": string,"scope": string
                  }
                  ComputedFields: never
                  Insert: {
                    "admin_scope"?: string | null,"description": string,"kind": string,"scope": string
                  }
                  Update: {
                    "admin_scope"?: string | null,"description"?: string,"kind"?: string,"scope"?: string
                  }
                  Relationships: [
                    
                  ]
                },"events": {
                  Row: {
                    "agent_id": string | null,"at": string,"audience": string | null,"epoch": number,"fields": (string)[] | null,"id": number,"subject": string | null,"tenant_id": string,"type": string,"version": number | null,"xid": unknown
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id"?: string | null,"at"?: string,"audience"?: string | null,"epoch": number,"fields"?: (string)[] | null,"id"?: never,"subject"?: string | null,"tenant_id": string,"type": string,"version"?: number | null,"xid"?: unknown
                  }
                  Update: {
                    "agent_id"?: string | null,"at"?: string,"audience"?: string | null,"epoch"?: number,"fields"?: (string)[] | null,"id"?: never,"subject"?: string | null,"tenant_id"?: string,"type"?: string,"version"?: number | null,"xid"?: unknown
                  }
                  Relationships: [
                    
                  ]
                },"fact_settings": {
                  Row: {
                    "ended_kept": string | null,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "ended_kept"?: string | null,"tenant_id": string
                  }
                  Update: {
                    "ended_kept"?: string | null,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "fact_settings_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: true
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"facts": {
                  Row: {
                    "agent_id": string | null,"confidence": number | null,"confirmations": number,"confirmed_at": string,"expires_at": string | null,"id": string,"memory_id": string | null,"object_id": string | null,"predicate": string,"private_to": string | null,"recorded_at": string,"slot": string,"source": string,"subject_id": string,"superseded_by": string | null,"tenant_id": string,"valid_from": string,"valid_to": string | null,"value": Json | null
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id"?: string | null,"confidence"?: number | null,"confirmations"?: number,"confirmed_at"?: string,"expires_at"?: string | null,"id"?: string,"memory_id"?: string | null,"object_id"?: string | null,"predicate": string,"private_to"?: string | null,"recorded_at"?: string,"slot"?: string,"source"?: string,"subject_id": string,"superseded_by"?: string | null,"tenant_id": string,"valid_from": string,"valid_to"?: string | null,"value"?: Json | null
                  }
                  Update: {
                    "agent_id"?: string | null,"confidence"?: number | null,"confirmations"?: number,"confirmed_at"?: string,"expires_at"?: string | null,"id"?: string,"memory_id"?: string | null,"object_id"?: string | null,"predicate"?: string,"private_to"?: string | null,"recorded_at"?: string,"slot"?: string,"source"?: string,"subject_id"?: string,"superseded_by"?: string | null,"tenant_id"?: string,"valid_from"?: string,"valid_to"?: string | null,"value"?: Json | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "facts_memory_fkey"
      columns: ["tenant_id","memory_id"]
isOneToOne: false
      referencedRelation: "memories"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "facts_object_fkey"
      columns: ["tenant_id","object_id"]
isOneToOne: false
      referencedRelation: "entities"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "facts_subject_fkey"
      columns: ["tenant_id","subject_id"]
isOneToOne: false
      referencedRelation: "entities"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "facts_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"finished_jobs": {
                  Row: {
                    "answers": string | null,"attempt": number,"backoff": Json | null,"bytes": number,"created_at": string,"created_by": string | null,"error": Json | null,"finished_at": string,"holder": string | null,"id": string,"input": NonNullable<Json>,"key": string | null,"lane": string,"max_attempts": number,"name": string,"parent_id": string | null,"priority": number,"queue": string,"result": Json | null,"root_id": string | null,"run_at": string,"started_at": string | null,"status": string,"target": Json | null,"tenant_id": string,"timeout": string | null,"trace": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "answers"?: string | null,"attempt": number,"backoff"?: Json | null,"bytes": number,"created_at": string,"created_by"?: string | null,"error"?: Json | null,"finished_at"?: string,"holder"?: string | null,"id": string,"input": NonNullable<Json>,"key"?: string | null,"lane": string,"max_attempts": number,"name": string,"parent_id"?: string | null,"priority": number,"queue": string,"result"?: Json | null,"root_id"?: string | null,"run_at": string,"started_at"?: string | null,"status": string,"target"?: Json | null,"tenant_id": string,"timeout"?: string | null,"trace"?: string | null
                  }
                  Update: {
                    "answers"?: string | null,"attempt"?: number,"backoff"?: Json | null,"bytes"?: number,"created_at"?: string,"created_by"?: string | null,"error"?: Json | null,"finished_at"?: string,"holder"?: string | null,"id"?: string,"input"?: NonNullable<Json>,"key"?: string | null,"lane"?: string,"max_attempts"?: number,"name"?: string,"parent_id"?: string | null,"priority"?: number,"queue"?: string,"result"?: Json | null,"root_id"?: string | null,"run_at"?: string,"started_at"?: string | null,"status"?: string,"target"?: Json | null,"tenant_id"?: string,"timeout"?: string | null,"trace"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"inboxes": {
                  Row: {
                    "last_seq": number,"opened_at": string | null,"recipient_id": string,"session": string | null,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "last_seq"?: number,"opened_at"?: string | null,"recipient_id": string,"session"?: string | null,"tenant_id": string
                  }
                  Update: {
                    "last_seq"?: number,"opened_at"?: string | null,"recipient_id"?: string,"session"?: string | null,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "inboxes_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"invitations": {
                  Row: {
                    "accepted_at": string | null,"accepted_by": string | null,"created_at": string,"email": string | null,"expires_at": string,"id": string,"invited_by": string | null,"revoked_at": string | null,"role": string,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "accepted_at"?: string | null,"accepted_by"?: string | null,"created_at"?: string,"email"?: string | null,"expires_at": string,"id"?: string,"invited_by"?: string | null,"revoked_at"?: string | null,"role": string,"tenant_id": string
                  }
                  Update: {
                    "accepted_at"?: string | null,"accepted_by"?: string | null,"created_at"?: string,"email"?: string | null,"expires_at"?: string,"id"?: string,"invited_by"?: string | null,"revoked_at"?: string | null,"role"?: string,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "invitations_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"job_attempts": {
                  Row: {
                    "attempt": number,"ended_at": string,"error": NonNullable<Json>,"holder": string | null,"job_id": string,"started_at": string | null,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt": number,"ended_at"?: string,"error": NonNullable<Json>,"holder"?: string | null,"job_id": string,"started_at"?: string | null,"tenant_id": string
                  }
                  Update: {
                    "attempt"?: number,"ended_at"?: string,"error"?: NonNullable<Json>,"holder"?: string | null,"job_id"?: string,"started_at"?: string | null,"tenant_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"job_attributes": {
                  Row: {
                    "attributes": NonNullable<Json>,"bytes": number,"job_id": string,"kept": boolean,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attributes": NonNullable<Json>,"bytes": number,"job_id": string,"kept"?: boolean,"tenant_id": string
                  }
                  Update: {
                    "attributes"?: NonNullable<Json>,"bytes"?: number,"job_id"?: string,"kept"?: boolean,"tenant_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"job_kinds": {
                  Row: {
                    "bytes": number,"description": string | null,"digest": string,"input_schema": Json | null,"name": string,"published_at": string,"published_by": string | null,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes": number,"description"?: string | null,"digest": string,"input_schema"?: Json | null,"name": string,"published_at"?: string,"published_by"?: string | null,"tenant_id": string
                  }
                  Update: {
                    "bytes"?: number,"description"?: string | null,"digest"?: string,"input_schema"?: Json | null,"name"?: string,"published_at"?: string,"published_by"?: string | null,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "job_kinds_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"job_queues": {
                  Row: {
                    "filled_at": string,"max_running": number | null,"max_running_per_group": number | null,"name": string,"paused": boolean,"rate": number | null,"tenant_id": string,"tokens": number,"updated_at": string,"weight": number
                  }
                  ComputedFields: never
                  Insert: {
                    "filled_at"?: string,"max_running"?: number | null,"max_running_per_group"?: number | null,"name": string,"paused"?: boolean,"rate"?: number | null,"tenant_id": string,"tokens"?: number,"updated_at"?: string,"weight"?: number
                  }
                  Update: {
                    "filled_at"?: string,"max_running"?: number | null,"max_running_per_group"?: number | null,"name"?: string,"paused"?: boolean,"rate"?: number | null,"tenant_id"?: string,"tokens"?: number,"updated_at"?: string,"weight"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "job_queues_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"job_schedules": {
                  Row: {
                    "bytes": number,"catch_up": string,"created_at": string,"created_by": string | null,"cron": string,"error": string | null,"input": NonNullable<Json>,"job": string,"last_at": string | null,"last_job": string | null,"name": string,"next_at": string | null,"options": NonNullable<Json>,"overlap": string,"paused": boolean,"skipped": number,"tenant_id": string,"time_zone": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes"?: number,"catch_up"?: string,"created_at"?: string,"created_by"?: string | null,"cron": string,"error"?: string | null,"input"?: NonNullable<Json>,"job": string,"last_at"?: string | null,"last_job"?: string | null,"name": string,"next_at"?: string | null,"options"?: NonNullable<Json>,"overlap"?: string,"paused"?: boolean,"skipped"?: number,"tenant_id": string,"time_zone"?: string,"updated_at"?: string
                  }
                  Update: {
                    "bytes"?: number,"catch_up"?: string,"created_at"?: string,"created_by"?: string | null,"cron"?: string,"error"?: string | null,"input"?: NonNullable<Json>,"job"?: string,"last_at"?: string | null,"last_job"?: string | null,"name"?: string,"next_at"?: string | null,"options"?: NonNullable<Json>,"overlap"?: string,"paused"?: boolean,"skipped"?: number,"tenant_id"?: string,"time_zone"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "job_schedules_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"job_signals": {
                  Row: {
                    "at": string,"bytes": number,"id": number,"job_id": string,"name": string,"payload": NonNullable<Json>,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "at"?: string,"bytes": number,"id"?: never,"job_id": string,"name": string,"payload"?: NonNullable<Json>,"tenant_id": string
                  }
                  Update: {
                    "at"?: string,"bytes"?: number,"id"?: never,"job_id"?: string,"name"?: string,"payload"?: NonNullable<Json>,"tenant_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"job_steps": {
                  Row: {
                    "at": string,"attempt": number,"bytes": number,"job_id": string,"ms": number | null,"name": string,"result": Json | null,"seq": number,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "at"?: string,"attempt": number,"bytes": number,"job_id": string,"ms"?: number | null,"name": string,"result"?: Json | null,"seq"?: never,"tenant_id": string
                  }
                  Update: {
                    "at"?: string,"attempt"?: number,"bytes"?: number,"job_id"?: string,"ms"?: number | null,"name"?: string,"result"?: Json | null,"seq"?: never,"tenant_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"jobs": {
                  Row: {
                    "answers": string | null,"attempt": number,"backoff": Json | null,"bytes": number,"cancelled": boolean,"created_at": string,"created_by": string | null,"deadline": string | null,"error": Json | null,"holder": string | null,"id": string,"input": NonNullable<Json>,"key": string | null,"lane": string,"lease_end": string | null,"max_attempts": number,"name": string,"parent_id": string | null,"priority": number,"queue": string,"root_id": string | null,"run_at": string,"seq": number,"started_at": string | null,"status": string,"target": Json | null,"tenant_id": string,"timeout": string | null,"trace": string | null,"wait_for": (string)[] | null
                  }
                  ComputedFields: never
                  Insert: {
                    "answers"?: string | null,"attempt"?: number,"backoff"?: Json | null,"bytes"?: number,"cancelled"?: boolean,"created_at"?: string,"created_by"?: string | null,"deadline"?: string | null,"error"?: Json | null,"holder"?: string | null,"id": string,"input"?: NonNullable<Json>,"key"?: string | null,"lane": string,"lease_end"?: string | null,"max_attempts"?: number,"name": string,"parent_id"?: string | null,"priority"?: number,"queue": string,"root_id"?: string | null,"run_at": string,"seq"?: number,"started_at"?: string | null,"status": string,"target"?: Json | null,"tenant_id": string,"timeout"?: string | null,"trace"?: string | null,"wait_for"?: (string)[] | null
                  }
                  Update: {
                    "answers"?: string | null,"attempt"?: number,"backoff"?: Json | null,"bytes"?: number,"cancelled"?: boolean,"created_at"?: string,"created_by"?: string | null,"deadline"?: string | null,"error"?: Json | null,"holder"?: string | null,"id"?: string,"input"?: NonNullable<Json>,"key"?: string | null,"lane"?: string,"lease_end"?: string | null,"max_attempts"?: number,"name"?: string,"parent_id"?: string | null,"priority"?: number,"queue"?: string,"root_id"?: string | null,"run_at"?: string,"seq"?: number,"started_at"?: string | null,"status"?: string,"target"?: Json | null,"tenant_id"?: string,"timeout"?: string | null,"trace"?: string | null,"wait_for"?: (string)[] | null
                  }
                  Relationships: [
                    
                  ]
                },"members": {
                  Row: {
                    "created_at": string,"role": string,"tenant_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"role": string,"tenant_id": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"role"?: string,"tenant_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "members_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"memories": {
                  Row: {
                    "agent_id": string | null,"content_hash": string | null,"conversation_id": string | null,"created_at": string,"critique": string,"deleted_at": string | null,"expires_at": string | null,"hlc": NonNullable<Json>,"id": string,"importance": number,"input": string,"key": string | null,"kind": string,"language": string,"latency_ms": number | null,"metadata": NonNullable<Json>,"output": string,"pushed_by": string | null,"reward": number | null,"session_id": string | null,"success": boolean | null,"tags": (string)[],"task": string,"tenant_id": string,"tokens": number | null,"updated_at": string,"version": number,"visibility": string,"words": unknown,"words_version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id"?: string | null,"content_hash"?: string | null,"conversation_id"?: string | null,"created_at"?: string,"critique"?: string,"deleted_at"?: string | null,"expires_at"?: string | null,"hlc"?: NonNullable<Json>,"id": string,"importance"?: number,"input"?: string,"key"?: string | null,"kind"?: string,"language"?: string,"latency_ms"?: number | null,"metadata"?: NonNullable<Json>,"output"?: string,"pushed_by"?: string | null,"reward"?: number | null,"session_id"?: string | null,"success"?: boolean | null,"tags"?: (string)[],"task"?: string,"tenant_id": string,"tokens"?: number | null,"updated_at"?: string,"version"?: number,"visibility"?: string,"words"?: unknown,"words_version"?: number
                  }
                  Update: {
                    "agent_id"?: string | null,"content_hash"?: string | null,"conversation_id"?: string | null,"created_at"?: string,"critique"?: string,"deleted_at"?: string | null,"expires_at"?: string | null,"hlc"?: NonNullable<Json>,"id"?: string,"importance"?: number,"input"?: string,"key"?: string | null,"kind"?: string,"language"?: string,"latency_ms"?: number | null,"metadata"?: NonNullable<Json>,"output"?: string,"pushed_by"?: string | null,"reward"?: number | null,"session_id"?: string | null,"success"?: boolean | null,"tags"?: (string)[],"task"?: string,"tenant_id"?: string,"tokens"?: number | null,"updated_at"?: string,"version"?: number,"visibility"?: string,"words"?: unknown,"words_version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "memories_agent_fkey"
      columns: ["tenant_id","agent_id"]
isOneToOne: false
      referencedRelation: "agents"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "memories_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"memory_aliases": {
                  Row: {
                    "id": string,"memory_id": string,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "id": string,"memory_id": string,"tenant_id": string
                  }
                  Update: {
                    "id"?: string,"memory_id"?: string,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "memory_aliases_memory_fkey"
      columns: ["tenant_id","memory_id"]
isOneToOne: false
      referencedRelation: "memories"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"memory_conflicts": {
                  Row: {
                    "base": Json | null,"created_at": string,"field": string,"hlc": string,"id": string,"memory_id": string,"op_id": string,"pushed_by": string | null,"tenant_id": string,"wanted": Json | null
                  }
                  ComputedFields: never
                  Insert: {
                    "base"?: Json | null,"created_at"?: string,"field": string,"hlc": string,"id"?: string,"memory_id": string,"op_id": string,"pushed_by"?: string | null,"tenant_id": string,"wanted"?: Json | null
                  }
                  Update: {
                    "base"?: Json | null,"created_at"?: string,"field"?: string,"hlc"?: string,"id"?: string,"memory_id"?: string,"op_id"?: string,"pushed_by"?: string | null,"tenant_id"?: string,"wanted"?: Json | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "memory_conflicts_memory_fkey"
      columns: ["tenant_id","memory_id"]
isOneToOne: false
      referencedRelation: "memories"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"memory_vectors": {
                  Row: {
                    "embedding": unknown,"memory_id": string,"model": string,"settled": boolean,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "embedding": unknown,"memory_id": string,"model": string,"settled"?: boolean,"tenant_id": string
                  }
                  Update: {
                    "embedding"?: unknown,"memory_id"?: string,"model"?: string,"settled"?: boolean,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "memory_vectors_memory_fkey"
      columns: ["tenant_id","memory_id"]
isOneToOne: false
      referencedRelation: "memories"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"messages": {
                  Row: {
                    "attachments": NonNullable<Json>,"bytes": number,"channel_id": string | null,"channel_seq": number | null,"conversation_id": string | null,"correlation_id": string | null,"deadline": string | null,"id": string,"payload": NonNullable<Json>,"priority": string,"reply_required": boolean,"reply_to": string | null,"sender_id": string | null,"sender_kind": string,"sent_at": string,"target": NonNullable<Json>,"tenant_id": string,"trace": string | null,"type": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attachments"?: NonNullable<Json>,"bytes"?: never,"channel_id"?: string | null,"channel_seq"?: number | null,"conversation_id"?: string | null,"correlation_id"?: string | null,"deadline"?: string | null,"id": string,"payload"?: NonNullable<Json>,"priority"?: string,"reply_required"?: boolean,"reply_to"?: string | null,"sender_id"?: string | null,"sender_kind": string,"sent_at"?: string,"target": NonNullable<Json>,"tenant_id": string,"trace"?: string | null,"type": string
                  }
                  Update: {
                    "attachments"?: NonNullable<Json>,"bytes"?: never,"channel_id"?: string | null,"channel_seq"?: number | null,"conversation_id"?: string | null,"correlation_id"?: string | null,"deadline"?: string | null,"id"?: string,"payload"?: NonNullable<Json>,"priority"?: string,"reply_required"?: boolean,"reply_to"?: string | null,"sender_id"?: string | null,"sender_kind"?: string,"sent_at"?: string,"target"?: NonNullable<Json>,"tenant_id"?: string,"trace"?: string | null,"type"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "messages_channel_fkey"
      columns: ["tenant_id","channel_id"]
isOneToOne: false
      referencedRelation: "channels"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "messages_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"model_names": {
                  Row: {
                    "exact": boolean,"model": string,"name": string,"provider": string
                  }
                  ComputedFields: never
                  Insert: {
                    "exact": boolean,"model": string,"name": string,"provider": string
                  }
                  Update: {
                    "exact"?: boolean,"model"?: string,"name"?: string,"provider"?: string
                  }
                  Relationships: [
                    
                  ]
                },"model_prices": {
                  Row: {
                    "model": string,"prices": NonNullable<Json>,"provider": string,"since": string,"source": string
                  }
                  ComputedFields: never
                  Insert: {
                    "model": string,"prices": NonNullable<Json>,"provider": string,"since": string,"source": string
                  }
                  Update: {
                    "model"?: string,"prices"?: NonNullable<Json>,"provider"?: string,"since"?: string,"source"?: string
                  }
                  Relationships: [
                    
                  ]
                },"model_usage": {
                  Row: {
                    "agent": string,"agent_id": string | null,"at": string,"bytes": number,"cache_read_tokens": number,"cache_write_tokens": number,"id": string,"input_tokens": number,"model": string,"output_tokens": number,"priced": string,"provider": string,"reasoning_tokens": number,"run_id": string | null,"tenant_id": string,"usage": NonNullable<Json>,"usd": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "agent": string,"agent_id"?: string | null,"at": string,"bytes": number,"cache_read_tokens": number,"cache_write_tokens": number,"id": string,"input_tokens": number,"model": string,"output_tokens": number,"priced": string,"provider": string,"reasoning_tokens": number,"run_id"?: string | null,"tenant_id": string,"usage": NonNullable<Json>,"usd"?: number | null
                  }
                  Update: {
                    "agent"?: string,"agent_id"?: string | null,"at"?: string,"bytes"?: number,"cache_read_tokens"?: number,"cache_write_tokens"?: number,"id"?: string,"input_tokens"?: number,"model"?: string,"output_tokens"?: number,"priced"?: string,"provider"?: string,"reasoning_tokens"?: number,"run_id"?: string | null,"tenant_id"?: string,"usage"?: NonNullable<Json>,"usd"?: number | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "model_usage_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"model_worths": {
                  Row: {
                    "at": string,"meaning": number,"measured": NonNullable<Json>,"model": string,"tenant_id": string,"unrelated": number
                  }
                  ComputedFields: never
                  Insert: {
                    "at"?: string,"meaning": number,"measured"?: NonNullable<Json>,"model": string,"tenant_id": string,"unrelated": number
                  }
                  Update: {
                    "at"?: string,"meaning"?: number,"measured"?: NonNullable<Json>,"model"?: string,"tenant_id"?: string,"unrelated"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "model_worths_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"polls": {
                  Row: {
                    "closed_at": string | null,"created_at": string,"created_by": string | null,"deadline": string,"id": string,"job_id": string | null,"key": string | null,"options": (string)[],"outcome": Json | null,"question": string,"quorum": number | null,"rule": string,"status": string,"team_id": string | null,"tenant_id": string,"voters": (string)[] | null,"weights": (number)[] | null
                  }
                  ComputedFields: never
                  Insert: {
                    "closed_at"?: string | null,"created_at"?: string,"created_by"?: string | null,"deadline": string,"id"?: string,"job_id"?: string | null,"key"?: string | null,"options": (string)[],"outcome"?: Json | null,"question": string,"quorum"?: number | null,"rule": string,"status"?: string,"team_id"?: string | null,"tenant_id": string,"voters"?: (string)[] | null,"weights"?: (number)[] | null
                  }
                  Update: {
                    "closed_at"?: string | null,"created_at"?: string,"created_by"?: string | null,"deadline"?: string,"id"?: string,"job_id"?: string | null,"key"?: string | null,"options"?: (string)[],"outcome"?: Json | null,"question"?: string,"quorum"?: number | null,"rule"?: string,"status"?: string,"team_id"?: string | null,"tenant_id"?: string,"voters"?: (string)[] | null,"weights"?: (number)[] | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "polls_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"rate_limits": {
                  Row: {
                    "burst": number,"filled_at": string,"level": string,"per_minute": number,"subject": string,"tenant_id": string,"tokens": number
                  }
                  ComputedFields: never
                  Insert: {
                    "burst": number,"filled_at": string,"level": string,"per_minute": number,"subject": string,"tenant_id": string,"tokens": number
                  }
                  Update: {
                    "burst"?: number,"filled_at"?: string,"level"?: string,"per_minute"?: number,"subject"?: string,"tenant_id"?: string,"tokens"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "rate_limits_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"run_chunks": {
                  Row: {
                    "at": string,"bytes": number,"chunks": NonNullable<Json>,"run_id": string,"seq": number,"size": number,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "at"?: string,"bytes": number,"chunks": NonNullable<Json>,"run_id": string,"seq": number,"size": number,"tenant_id": string
                  }
                  Update: {
                    "at"?: string,"bytes"?: number,"chunks"?: NonNullable<Json>,"run_id"?: string,"seq"?: number,"size"?: number,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "run_chunks_run_fkey"
      columns: ["tenant_id","run_id"]
isOneToOne: false
      referencedRelation: "runs"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"run_model_calls": {
                  Row: {
                    "agent": string,"at": string,"attempt": number,"bytes": number,"digest": string,"error": Json | null,"finish": string | null,"messages": Json | null,"model": string,"ms": number,"parts": Json | null,"priced": string | null,"provider": string,"run_id": string,"step": number,"tenant_id": string,"try": number,"usage": Json | null,"usd": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "agent": string,"at"?: string,"attempt": number,"bytes": number,"digest": string,"error"?: Json | null,"finish"?: string | null,"messages"?: Json | null,"model": string,"ms": number,"parts"?: Json | null,"priced"?: string | null,"provider": string,"run_id": string,"step": number,"tenant_id": string,"try": number,"usage"?: Json | null,"usd"?: number | null
                  }
                  Update: {
                    "agent"?: string,"at"?: string,"attempt"?: number,"bytes"?: number,"digest"?: string,"error"?: Json | null,"finish"?: string | null,"messages"?: Json | null,"model"?: string,"ms"?: number,"parts"?: Json | null,"priced"?: string | null,"provider"?: string,"run_id"?: string,"step"?: number,"tenant_id"?: string,"try"?: number,"usage"?: Json | null,"usd"?: number | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "run_model_calls_run_fkey"
      columns: ["tenant_id","run_id"]
isOneToOne: false
      referencedRelation: "runs"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"run_tool_calls": {
                  Row: {
                    "approval_id": string | null,"attempt": number,"attempts": number,"bytes": number,"call_id": string,"ended_at": string | null,"error": Json | null,"holder": string | null,"input": NonNullable<Json>,"nth": number,"result": Json | null,"risk": string | null,"run_id": string,"started_at": string,"status": string,"step": number,"tenant_id": string,"tool": string
                  }
                  ComputedFields: never
                  Insert: {
                    "approval_id"?: string | null,"attempt": number,"attempts"?: number,"bytes": number,"call_id": string,"ended_at"?: string | null,"error"?: Json | null,"holder"?: string | null,"input": NonNullable<Json>,"nth": number,"result"?: Json | null,"risk"?: string | null,"run_id": string,"started_at"?: string,"status": string,"step": number,"tenant_id": string,"tool": string
                  }
                  Update: {
                    "approval_id"?: string | null,"attempt"?: number,"attempts"?: number,"bytes"?: number,"call_id"?: string,"ended_at"?: string | null,"error"?: Json | null,"holder"?: string | null,"input"?: NonNullable<Json>,"nth"?: number,"result"?: Json | null,"risk"?: string | null,"run_id"?: string,"started_at"?: string,"status"?: string,"step"?: number,"tenant_id"?: string,"tool"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "run_tool_calls_run_fkey"
      columns: ["tenant_id","run_id"]
isOneToOne: false
      referencedRelation: "runs"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"runs": {
                  Row: {
                    "active_ms": number,"agent": string,"bytes": number,"context": Json | null,"created_at": string,"created_by": string | null,"ended_at": string | null,"error": Json | null,"forked_at": number | null,"forked_from": string | null,"id": string,"input": Json | null,"input_tokens": number,"last_chunk": number,"limits": NonNullable<Json>,"output": Json | null,"output_tokens": number,"parent_id": string | null,"paused": boolean,"repairs": number,"started_at": string | null,"status": string,"steps": number,"tenant_id": string,"told_at": string | null,"told_chunk": number,"unpriced": number,"usd": number
                  }
                  ComputedFields: never
                  Insert: {
                    "active_ms"?: number,"agent": string,"bytes": number,"context"?: Json | null,"created_at"?: string,"created_by"?: string | null,"ended_at"?: string | null,"error"?: Json | null,"forked_at"?: number | null,"forked_from"?: string | null,"id": string,"input"?: Json | null,"input_tokens"?: number,"last_chunk"?: number,"limits"?: NonNullable<Json>,"output"?: Json | null,"output_tokens"?: number,"parent_id"?: string | null,"paused"?: boolean,"repairs"?: number,"started_at"?: string | null,"status"?: string,"steps"?: number,"tenant_id": string,"told_at"?: string | null,"told_chunk"?: number,"unpriced"?: number,"usd"?: number
                  }
                  Update: {
                    "active_ms"?: number,"agent"?: string,"bytes"?: number,"context"?: Json | null,"created_at"?: string,"created_by"?: string | null,"ended_at"?: string | null,"error"?: Json | null,"forked_at"?: number | null,"forked_from"?: string | null,"id"?: string,"input"?: Json | null,"input_tokens"?: number,"last_chunk"?: number,"limits"?: NonNullable<Json>,"output"?: Json | null,"output_tokens"?: number,"parent_id"?: string | null,"paused"?: boolean,"repairs"?: number,"started_at"?: string | null,"status"?: string,"steps"?: number,"tenant_id"?: string,"told_at"?: string | null,"told_chunk"?: number,"unpriced"?: number,"usd"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "runs_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"scopes": {
                  Row: {
                    "agents": boolean,"by_default": boolean,"description": string,"name": string,"roles": (string)[]
                  }
                  ComputedFields: never
                  Insert: {
                    "agents"?: boolean,"by_default"?: boolean,"description": string,"name": string,"roles": (string)[]
                  }
                  Update: {
                    "agents"?: boolean,"by_default"?: boolean,"description"?: string,"name"?: string,"roles"?: (string)[]
                  }
                  Relationships: [
                    
                  ]
                },"state_versions": {
                  Row: {
                    "action": string,"at": string,"by": string | null,"bytes": number,"state_id": string,"tenant_id": string,"value": Json | null,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "action": string,"at"?: string,"by"?: string | null,"bytes"?: number,"state_id": string,"tenant_id": string,"value"?: Json | null,"version": number
                  }
                  Update: {
                    "action"?: string,"at"?: string,"by"?: string | null,"bytes"?: number,"state_id"?: string,"tenant_id"?: string,"value"?: Json | null,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "state_versions_state_fkey"
      columns: ["tenant_id","state_id"]
isOneToOne: false
      referencedRelation: "states"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"states": {
                  Row: {
                    "agent_id": string | null,"created_at": string,"deleted_at": string | null,"expires_at": string | null,"id": string,"key": string,"tenant_id": string,"updated_at": string,"updated_by": string | null,"value": Json | null,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id"?: string | null,"created_at"?: string,"deleted_at"?: string | null,"expires_at"?: string | null,"id"?: string,"key": string,"tenant_id": string,"updated_at"?: string,"updated_by"?: string | null,"value"?: Json | null,"version": number
                  }
                  Update: {
                    "agent_id"?: string | null,"created_at"?: string,"deleted_at"?: string | null,"expires_at"?: string | null,"id"?: string,"key"?: string,"tenant_id"?: string,"updated_at"?: string,"updated_by"?: string | null,"value"?: Json | null,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "states_agent_fkey"
      columns: ["tenant_id","agent_id"]
isOneToOne: false
      referencedRelation: "agents"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "states_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"team_alerts": {
                  Row: {
                    "agents": (string)[],"cause": string,"detail": NonNullable<Json>,"found_at": string,"handled_at": string | null,"handled_with": string | null,"id": string,"kind": string,"seen_at": string,"status": string,"taken_at": string | null,"team_id": string,"tenant_id": string,"times": number
                  }
                  ComputedFields: never
                  Insert: {
                    "agents": (string)[],"cause": string,"detail"?: NonNullable<Json>,"found_at"?: string,"handled_at"?: string | null,"handled_with"?: string | null,"id"?: string,"kind": string,"seen_at"?: string,"status"?: string,"taken_at"?: string | null,"team_id": string,"tenant_id": string,"times"?: number
                  }
                  Update: {
                    "agents"?: (string)[],"cause"?: string,"detail"?: NonNullable<Json>,"found_at"?: string,"handled_at"?: string | null,"handled_with"?: string | null,"id"?: string,"kind"?: string,"seen_at"?: string,"status"?: string,"taken_at"?: string | null,"team_id"?: string,"tenant_id"?: string,"times"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "team_alerts_team_fkey"
      columns: ["tenant_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"team_members": {
                  Row: {
                    "agent_id": string,"joined_at": string,"role": string,"team_id": string,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id": string,"joined_at"?: string,"role": string,"team_id": string,"tenant_id": string
                  }
                  Update: {
                    "agent_id"?: string,"joined_at"?: string,"role"?: string,"team_id"?: string,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "team_members_agent_fkey"
      columns: ["tenant_id","agent_id"]
isOneToOne: false
      referencedRelation: "agents"
      referencedColumns: ["tenant_id","id"]
    },{
      foreignKeyName: "team_members_team_fkey"
      columns: ["tenant_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"teams": {
                  Row: {
                    "channel_id": string | null,"created_at": string,"created_by": string | null,"deadline": string | null,"end_reason": string | null,"ended_at": string | null,"id": string,"lead_id": string | null,"metadata": NonNullable<Json>,"name": string,"status": string,"task": string | null,"tenant_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "channel_id"?: string | null,"created_at"?: string,"created_by"?: string | null,"deadline"?: string | null,"end_reason"?: string | null,"ended_at"?: string | null,"id"?: string,"lead_id"?: string | null,"metadata"?: NonNullable<Json>,"name": string,"status"?: string,"task"?: string | null,"tenant_id": string
                  }
                  Update: {
                    "channel_id"?: string | null,"created_at"?: string,"created_by"?: string | null,"deadline"?: string | null,"end_reason"?: string | null,"ended_at"?: string | null,"id"?: string,"lead_id"?: string | null,"metadata"?: NonNullable<Json>,"name"?: string,"status"?: string,"task"?: string | null,"tenant_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "teams_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"tenants": {
                  Row: {
                    "created_at": string,"debug": NonNullable<Json>,"id": string,"language": string,"max_bytes": number,"max_depth": number,"max_lifetime": string,"max_living_agents": number,"max_memories": number,"messages_kept": string,"name": string,"retention": NonNullable<Json>,"spawns_per_minute": number,"token_lifetime": string,"writes_per_minute": number
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"debug"?: NonNullable<Json>,"id"?: string,"language"?: string,"max_bytes"?: number,"max_depth"?: number,"max_lifetime"?: string,"max_living_agents"?: number,"max_memories"?: number,"messages_kept"?: string,"name": string,"retention"?: NonNullable<Json>,"spawns_per_minute"?: number,"token_lifetime"?: string,"writes_per_minute"?: number
                  }
                  Update: {
                    "created_at"?: string,"debug"?: NonNullable<Json>,"id"?: string,"language"?: string,"max_bytes"?: number,"max_depth"?: number,"max_lifetime"?: string,"max_living_agents"?: number,"max_memories"?: number,"messages_kept"?: string,"name"?: string,"retention"?: NonNullable<Json>,"spawns_per_minute"?: number,"token_lifetime"?: string,"writes_per_minute"?: number
                  }
                  Relationships: [
                    
                  ]
                },"tenders": {
                  Row: {
                    "capabilities": (string)[],"closed_at": string | null,"created_at": string,"created_by": string | null,"deadline": string,"id": string,"job": NonNullable<Json>,"job_id": string | null,"max_price": number | null,"rule": string,"status": string,"team_id": string | null,"tenant_id": string,"winner_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "capabilities"?: (string)[],"closed_at"?: string | null,"created_at"?: string,"created_by"?: string | null,"deadline": string,"id"?: string,"job": NonNullable<Json>,"job_id"?: string | null,"max_price"?: number | null,"rule": string,"status"?: string,"team_id"?: string | null,"tenant_id": string,"winner_id"?: string | null
                  }
                  Update: {
                    "capabilities"?: (string)[],"closed_at"?: string | null,"created_at"?: string,"created_by"?: string | null,"deadline"?: string,"id"?: string,"job"?: NonNullable<Json>,"job_id"?: string | null,"max_price"?: number | null,"rule"?: string,"status"?: string,"team_id"?: string | null,"tenant_id"?: string,"winner_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "tenders_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"thread_parts": {
                  Row: {
                    "body": string,"bytes": number,"chain": number,"head": number,"of_checkpoint": string | null,"of_idx": number | null,"of_ns": string | null,"of_task": string | null,"place": number,"tail": number,"tenant_id": string,"thread_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "body": string,"bytes": number,"chain": number,"head"?: number,"of_checkpoint"?: string | null,"of_idx"?: number | null,"of_ns"?: string | null,"of_task"?: string | null,"place": number,"tail"?: number,"tenant_id": string,"thread_id": string
                  }
                  Update: {
                    "body"?: string,"bytes"?: number,"chain"?: number,"head"?: number,"of_checkpoint"?: string | null,"of_idx"?: number | null,"of_ns"?: string | null,"of_task"?: string | null,"place"?: number,"tail"?: number,"tenant_id"?: string,"thread_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "thread_parts_thread_fkey"
      columns: ["tenant_id","thread_id"]
isOneToOne: false
      referencedRelation: "threads"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"thread_writes": {
                  Row: {
                    "bytes": number,"checkpoint_id": string,"ns": string,"path": string,"task_id": string,"tenant_id": string,"thread_id": string,"writes": NonNullable<Json>
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes": number,"checkpoint_id": string,"ns": string,"path"?: string,"task_id": string,"tenant_id": string,"thread_id": string,"writes": NonNullable<Json>
                  }
                  Update: {
                    "bytes"?: number,"checkpoint_id"?: string,"ns"?: string,"path"?: string,"task_id"?: string,"tenant_id"?: string,"thread_id"?: string,"writes"?: NonNullable<Json>
                  }
                  Relationships: [
                    {
      foreignKeyName: "thread_writes_thread_fkey"
      columns: ["tenant_id","thread_id"]
isOneToOne: false
      referencedRelation: "threads"
      referencedColumns: ["tenant_id","id"]
    }
                  ]
                },"threads": {
                  Row: {
                    "bytes": number,"chains": number,"created_at": string,"expires_at": string | null,"id": string,"name": string,"tenant_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes"?: number,"chains"?: number,"created_at"?: string,"expires_at"?: string | null,"id"?: string,"name": string,"tenant_id": string,"updated_at"?: string
                  }
                  Update: {
                    "bytes"?: number,"chains"?: number,"created_at"?: string,"expires_at"?: string | null,"id"?: string,"name"?: string,"tenant_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "threads_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"track_records": {
                  Row: {
                    "agent_type": string,"rated": number,"tenant_id": string,"total": number,"work": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_type": string,"rated": number,"tenant_id": string,"total": number,"work": string
                  }
                  Update: {
                    "agent_type"?: string,"rated"?: number,"tenant_id"?: string,"total"?: number,"work"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "track_records_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                },"workflow_graphs": {
                  Row: {
                    "bytes": number,"graph": NonNullable<Json>,"name": string,"set_at": string,"set_by": string | null,"tenant_id": string,"version": string
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes": number,"graph": NonNullable<Json>,"name": string,"set_at"?: string,"set_by"?: string | null,"tenant_id": string,"version": string
                  }
                  Update: {
                    "bytes"?: number,"graph"?: NonNullable<Json>,"name"?: string,"set_at"?: string,"set_by"?: string | null,"tenant_id"?: string,"version"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "workflow_graphs_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
                  ]
                }
          }
          Views: {
            [_ in never]: never
          }
          Functions: {
            "accept_invitation":
{ Args: { "id"?: string,"token"?: string }; Returns: Json
                           },
"acknowledge_channel":
{ Args: { "name": string,"seq": number }; Returns: number
                           },
"acknowledge_messages":
{ Args: { "seqs": (number)[] }; Returns: Json
                           },
"add_jobs":
{ Args: { "jobs": Json,"lease"?: string }; Returns: Json
                           },
"add_member":
{ Args: { "role": string,"user_id": string }; Returns: Json
                           },
"advance_graph":
{ Args: { "graph": Json,"lease": string }; Returns: Json
                           },
"agent_tree":
{ Args: { "living"?: boolean,"root"?: string }; Returns: Json
                           },
"append_debug":
{ Args: { "dropped"?: number,"records": Json }; Returns: Json
                           },
"append_run_chunks":
{ Args: { "after": number,"chunks": string,"lease": string,"size": number,"tell"?: boolean }; Returns: Json
                           },
"assign_job":
{ Args: { "capabilities"?: (string)[],"job": Json,"max_load"?: number,"team"?: string,"type"?: string }; Returns: Json
                           },
"begin_artifact":
{ Args: { "media_type": string,"metadata"?: Json,"name": string,"sha256": string,"size": number,"team"?: string }; Returns: Json
                           },
"begin_run":
{ Args: { "lease": string }; Returns: Json
                           },
"begin_tool_calls":
{ Args: { "calls": Json,"lease": string,"step": number }; Returns: Json
                           },
"cancel_approval":
{ Args: { "id": string }; Returns: Json
                           },
"cancel_jobs":
{ Args: { "ids": (string)[] }; Returns: Json
                           },
"cancel_poll":
{ Args: { "poll_id": string }; Returns: Json
                           },
"cast_ballot":
{ Args: { "choice": string,"poll_id": string,"reason"?: string }; Returns: Json
                           },
"change_member_role":
{ Args: { "role": string,"user_id": string }; Returns: Json
                           },
"channel_statistics":
{ Args: { "name": string }; Returns: Json
                           },
"claim_any_jobs":
{ Args: { "lease"?: number,"names"?: (string)[],"park"?: string,"place"?: Json,"queues"?: (string)[],"wanted"?: number }; Returns: Json
                           },
"claim_embeddings":
{ Args: { "lease_seconds"?: number,"max_rows"?: number,"model": string }; Returns: Json
                           },
"claim_jobs":
{ Args: { "lease"?: number,"names"?: (string)[],"park"?: string,"place"?: Json,"queues"?: (string)[],"wanted"?: number }; Returns: Json
                           },
"close_tender":
{ Args: { "award"?: boolean,"tender_id": string }; Returns: Json
                           },
"cluster_sample":
{ Args: { "kinds"?: (string)[],"sample_size"?: number }; Returns: Json
                           },
"complete_embeddings":
{ Args: { "model": string,"results": Json }; Returns: Json
                           },
"complete_jobs":
{ Args: { "done": Json }; Returns: Json
                           },
"cost_report":
{ Args: { "by"?: (string)[],"page_limit"?: number,"since"?: string,"until"?: string }; Returns: Json
                           },
"create_channel":
{ Args: { "description"?: string,"kind"?: string,"name": string,"publishers"?: (string)[] }; Returns: Json
                           },
"create_enrolment_key":
{ Args: { "expires_at"?: string,"name": string,"scopes"?: (string)[] }; Returns: Json
                           },
"create_tenant":
{ Args: { "name": string,"owner"?: string }; Returns: {
              "created_at": string,
"debug": NonNullable<Json>,
"id": string,
"language": string,
"max_bytes": number,
"max_depth": number,
"max_lifetime": string,
"max_living_agents": number,
"max_memories": number,
"messages_kept": string,
"name": string,
"retention": NonNullable<Json>,
"spawns_per_minute": number,
"token_lifetime": string,
"writes_per_minute": number
            }
                          SetofOptions: {
        from: "*"
        to: "tenants"
        isOneToOne: true
        isSetofReturn: false
      } },
"debug_level":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"decide_approval":
{ Args: { "digest": string,"id": string,"input"?: Json,"reason"?: string,"verdict": string }; Returns: Json
                           },
"decide_approvals":
{ Args: { "decisions": Json }; Returns: Json
                           },
"define_agent_type":
{ Args: { "capabilities"?: (string)[],"description"?: string,"lifetime"?: number,"max_lifetime"?: number,"max_living"?: number,"metadata"?: Json,"name": string,"prompt"?: string,"role"?: string,"scopes"?: (string)[] }; Returns: Json
                           },
"delegate_approval":
{ Args: { "id": string,"reason"?: string,"to_id": string }; Returns: Json
                           },
"delete_approval_policy":
{ Args: { "agent_type"?: string,"category"?: string }; Returns: Json
                           },
"delete_budget":
{ Args: { "level": string,"subject"?: string }; Returns: Json
                           },
"delete_channel":
{ Args: { "name": string }; Returns: Json
                           },
"delete_graph":
{ Args: { "name": string,"version": string }; Returns: Json
                           },
"delete_schedule":
{ Args: { "name": string }; Returns: Json
                           },
"delete_state":
{ Args: { "expected_version"?: number,"key": string,"of_agent"?: string }; Returns: Json
                           },
"delete_thread":
{ Args: { "thread": string }; Returns: Json
                           },
"discard_jobs":
{ Args: { "ids"?: (string)[],"max_rows"?: number,"of_queue"?: string }; Returns: Json
                           },
"edit_state":
{ Args: { "edits": Json,"expected_version"?: number,"key": string,"of_agent"?: string }; Returns: Json
                           },
"embedding_dimensions":
{ Args: Record<PropertyKey, never>; Returns: number
                           },
"embedding_progress":
{ Args: { "model": string }; Returns: Json
                           },
"end_facts":
{ Args: { "at"?: string,"ids": (string)[] }; Returns: Json
                           },
"end_run":
{ Args: { "chunks"?: Json,"error"?: Json,"lease": string,"output"?: string,"status": string }; Returns: Json
                           },
"end_tool_calls":
{ Args: { "ask"?: Json,"chunks"?: Json,"ends": Json,"lease": string,"step": number }; Returns: Json
                           },
"ensure_tenant":
{ Args: { "name": string,"owner"?: string }; Returns: Json
                           },
"erase_tenant":
{ Args: { "max_rows"?: number,"name": string }; Returns: Json
                           },
"export_tenant":
{ Args: { "after"?: Json,"page_limit"?: number }; Returns: Json
                           },
"facts_about":
{ Args: { "as_of"?: string,"hops"?: number,"memories"?: (string)[],"query"?: string,"result_limit"?: number }; Returns: Json
                           },
"fail_jobs":
{ Args: { "failures": Json }; Returns: Json
                           },
"find_agents":
{ Args: { "after"?: string,"capabilities"?: (string)[],"page_limit"?: number,"parent"?: string,"status"?: string,"type"?: string }; Returns: Json
                           },
"find_entities":
{ Args: { "of_type"?: string,"page_limit"?: number,"query"?: string,"skip"?: number }; Returns: Json
                           },
"finish_artifact":
{ Args: { "id": string }; Returns: Json
                           },
"forget_entity":
{ Args: { "id": string,"max_rows"?: number }; Returns: Json
                           },
"forget_facts":
{ Args: { "ids"?: (string)[],"memory"?: string }; Returns: Json
                           },
"forget_vectors":
{ Args: { "max_rows"?: number,"model": string }; Returns: Json
                           },
"fork_run":
{ Args: { "at_step": number,"edits"?: Json,"id": string,"input"?: string,"trace"?: string }; Returns: Json
                           },
"get_agent":
{ Args: { "id"?: string }; Returns: Json
                           },
"get_approval":
{ Args: { "id": string }; Returns: Json
                           },
"get_checkpoint":
{ Args: { "checkpoint"?: string,"ns"?: string,"thread": string }; Returns: Json
                           },
"get_graph":
{ Args: { "name": string,"version"?: string }; Returns: Json
                           },
"get_job":
{ Args: { "id": string }; Returns: Json
                           },
"get_job_kind":
{ Args: { "name": string }; Returns: Json
                           },
"get_poll":
{ Args: { "poll_id": string }; Returns: Json
                           },
"get_run":
{ Args: { "id": string,"with_parts"?: boolean }; Returns: Json
                           },
"get_state":
{ Args: { "key": string,"of_agent"?: string,"version"?: number }; Returns: Json
                           },
"get_tender":
{ Args: { "tender_id": string }; Returns: Json
                           },
"grant_client":
{ Args: { "client_id": string,"scopes": (string)[] }; Returns: Json
                           },
"handle_alert":
{ Args: { "action": string,"id": string }; Returns: Json
                           },
"heartbeat":
{ Args: { "activity"?: string,"channels"?: (string)[],"log"?: boolean,"lost"?: number,"task"?: string }; Returns: Json
                           },
"heartbeat_jobs":
{ Args: { "lease"?: number,"leases": (string)[] }; Returns: Json
                           },
"import_prices":
{ Args: { "prices": Json,"source": string }; Returns: Json
                           },
"import_tenant":
{ Args: { "lines": Json }; Returns: Json
                           },
"installation":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"invite_member":
{ Args: { "email"?: string,"expires_at"?: string,"role": string }; Returns: Json
                           },
"job_statistics":
{ Args: { "seconds"?: number }; Returns: Json
                           },
"join_team":
{ Args: { "agent_ids": (string)[],"role"?: string,"team_id": string }; Returns: Json
                           },
"lease_debug":
{ Args: { "categories"?: (string)[],"for_agent"?: string,"lease"?: string,"level": number,"seconds"?: number }; Returns: Json
                           },
"leave_tenant":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_alerts":
{ Args: { "every"?: boolean,"page_limit"?: number,"team_id"?: string }; Returns: Json
                           },
"list_approval_policies":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_approvals":
{ Args: { "before"?: string,"mine"?: boolean,"of_category"?: string,"of_status"?: (string)[],"page_limit"?: number }; Returns: Json
                           },
"list_artifacts":
{ Args: { "after_name"?: string,"after_version"?: number,"id"?: string,"name"?: string,"page_limit"?: number,"team"?: string,"version"?: number,"versions"?: boolean }; Returns: Json
                           },
"list_budgets":
{ Args: { "of_level"?: string,"page_limit"?: number }; Returns: Json
                           },
"list_checkpoints":
{ Args: { "after"?: Json,"before"?: string,"filter"?: Json,"ns"?: string,"page_limit"?: number,"thread"?: string }; Returns: Json
                           },
"list_client_grants":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_facts":
{ Args: { "as_of"?: string,"before"?: string,"history"?: boolean,"memory"?: string,"object"?: Json,"page_limit"?: number,"predicate"?: string,"subject"?: Json }; Returns: Json
                           },
"list_graphs":
{ Args: { "of_name"?: string }; Returns: Json
                           },
"list_job_kinds":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_jobs":
{ Args: { "before"?: string,"containing"?: string,"of_attributes"?: Json,"of_holder"?: string,"of_ids"?: (string)[],"of_key_prefix"?: string,"of_name"?: string,"of_queue"?: string,"of_status"?: (string)[],"page_limit"?: number,"since"?: string,"until"?: string }; Returns: Json
                           },
"list_members":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_polls":
{ Args: { "page_limit"?: number,"team_id"?: string }; Returns: Json
                           },
"list_runs":
{ Args: { "before"?: string,"containing"?: string,"of_agent"?: string,"of_attributes"?: Json,"of_status"?: (string)[],"page_limit"?: number,"since"?: string,"until"?: string }; Returns: Json
                           },
"list_schedules":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_states":
{ Args: { "after"?: string,"of_agent"?: string,"page_limit"?: number,"prefix"?: string }; Returns: Json
                           },
"list_teams":
{ Args: { "before"?: string,"of_status"?: (string)[],"page_limit"?: number,"team_id"?: string }; Returns: Json
                           },
"list_tenders":
{ Args: { "page_limit"?: number,"team_id"?: string }; Returns: Json
                           },
"list_threads":
{ Args: { "after"?: string,"page_limit"?: number,"prefix"?: string }; Returns: Json
                           },
"list_workflows":
{ Args: { "before"?: string,"of_attributes"?: Json,"of_name"?: string,"of_status"?: (string)[],"of_version"?: string,"page_limit"?: number,"since"?: string,"until"?: string }; Returns: Json
                           },
"listen":
{ Args: { "channels"?: (string)[],"log"?: boolean,"lost"?: number }; Returns: Json
                           },
"living_agents":
{ Args: { "ids"?: (string)[] }; Returns: Json
                           },
"maintain":
{ Args: { "max_rows"?: number }; Returns: Json
                           },
"mark_job_call":
{ Args: { "call": string,"names"?: (string)[],"seconds": number }; Returns: Json
                           },
"memory_statistics":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"merge_entities":
{ Args: { "id": string,"into_id": string }; Returns: Json
                           },
"model_price":
{ Args: { "at"?: string,"model": string,"provider": string }; Returns: Json
                           },
"move_workflow":
{ Args: { "forgotten"?: (string)[],"id": string,"renamed"?: Json,"to_version": string }; Returns: Json
                           },
"my_invitations":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"open_inbox":
{ Args: { "session": string }; Returns: Json
                           },
"open_poll":
{ Args: { "key"?: string,"lease"?: string,"options": (string)[],"question": string,"quorum"?: number,"rule"?: string,"seconds"?: number,"team"?: string,"voters"?: Json }; Returns: Json
                           },
"open_tender":
{ Args: { "capabilities"?: (string)[],"job": Json,"max_price"?: number,"rule"?: string,"seconds"?: number,"team"?: string }; Returns: Json
                           },
"patch_state":
{ Args: { "expected_version"?: number,"key": string,"of_agent"?: string,"patch": Json }; Returns: Json
                           },
"pause_run":
{ Args: { "id": string,"paused"?: boolean }; Returns: Json
                           },
"place_bid":
{ Args: { "note"?: string,"price": number,"score"?: number,"tender_id": string }; Returns: Json
                           },
"prune_thread":
{ Args: { "keep"?: number,"thread": string }; Returns: Json
                           },
"publish_job_kinds":
{ Args: { "kinds": Json }; Returns: Json
                           },
"pull_inbox":
{ Args: { "after"?: number,"page_limit"?: number,"session": string }; Returns: Json
                           },
"push":
{ Args: { "push": Json }; Returns: Json
                           },
"put_checkpoint":
{ Args: { "body": string,"channel_values"?: Json,"channel_versions": Json,"checkpoint": string,"expires_in"?: number,"metadata"?: Json,"ns"?: string,"parent"?: string,"thread": string }; Returns: Json
                           },
"put_writes":
{ Args: { "checkpoint": string,"ns"?: string,"path"?: string,"task": string,"thread": string,"writes": Json }; Returns: Json
                           },
"query_workflow":
{ Args: { "id": string }; Returns: Json
                           },
"queue_embeddings":
{ Args: { "after"?: string,"max_rows"?: number,"model": string }; Returns: Json
                           },
"rate_job":
{ Args: { "job_id": string,"reward": number }; Returns: Json
                           },
"read_channel":
{ Args: { "after"?: number,"name": string,"page_limit"?: number }; Returns: Json
                           },
"read_graph_input":
{ Args: { "lease": string }; Returns: Json
                           },
"read_log":
{ Args: { "page_limit"?: number,"since"?: string,"types"?: (string)[],"with_rows"?: Json }; Returns: Json
                           },
"read_run_chunks":
{ Args: { "after"?: number,"id": string,"page_limit"?: number,"watch"?: boolean }; Returns: Json
                           },
"read_secret":
{ Args: { "lease": string,"name": string }; Returns: Json
                           },
"read_steps":
{ Args: { "after"?: string,"lease": string,"page_limit"?: number }; Returns: Json
                           },
"recall":
{ Args: { "agent"?: string,"conversation"?: string,"embedding"?: (number)[],"explain"?: boolean,"for_task"?: string,"grouped"?: boolean,"half_lives"?: Json,"having_tags"?: (string)[],"kinds"?: (string)[],"min_reward"?: number,"model"?: string,"older_embedding"?: (number)[],"older_model"?: string,"query"?: string,"result_limit"?: number,"session"?: string,"similar_to"?: string,"since"?: string,"surrounding"?: number,"until"?: string,"weights"?: Json }; Returns: {
              "agent_ended_at": string,"agent_id": string,"agent_name": string,"created_at": string,"critique": string,"duplicates": (string)[],"id": string,"importance": number,"input": string,"kind": string,"metadata": Json,"output": string,"parts": Json,"reward": number,"score": number,"surroundings": Json,"tags": (string)[],"task": string
            }[]
                           },
"recall_scope":
{ Args: { "model"?: string }; Returns: Json
                           },
"reconcile_state":
{ Args: { "base_version"?: number,"expected_version"?: number,"key": string,"of_agent"?: string,"ours"?: Json,"ours_at"?: string,"ours_version"?: number,"strategy": string,"theirs_version"?: number }; Returns: Json
                           },
"record_facts":
{ Args: { "facts": Json }; Returns: Json
                           },
"record_model_call":
{ Args: { "call": Json,"chunks"?: Json,"lease": string,"tools"?: Json }; Returns: Json
                           },
"record_run_context":
{ Args: { "context": string,"lease": string }; Returns: Json
                           },
"record_steps":
{ Args: { "lease": string,"steps": Json }; Returns: Json
                           },
"redrive_jobs":
{ Args: { "ids"?: (string)[],"max_rows"?: number,"of_queue"?: string }; Returns: Json
                           },
"release_costs":
{ Args: { "releases": Json }; Returns: Json
                           },
"release_debug":
{ Args: { "lease": string }; Returns: Json
                           },
"release_jobs":
{ Args: { "leases": (string)[] }; Returns: Json
                           },
"remove_artifacts":
{ Args: { "everything"?: boolean,"max_rows"?: number,"name"?: string,"team"?: string,"version"?: number }; Returns: Json
                           },
"remove_member":
{ Args: { "user_id": string }; Returns: Json
                           },
"renew_agent":
{ Args: { "extend"?: boolean }; Returns: Json
                           },
"report_workflow":
{ Args: { "lease": string,"value": Json }; Returns: boolean
                           },
"request_approval":
{ Args: { "category"?: string,"confidence"?: number,"deciders"?: (string)[],"expires_in"?: number,"input"?: Json,"input_schema"?: Json,"lease"?: string,"milestone"?: boolean,"quorum"?: number,"required"?: boolean,"roles"?: (string)[],"step"?: string,"title": string }; Returns: Json
                           },
"reserve_costs":
{ Args: { "asks": Json }; Returns: Json
                           },
"resume_agent":
{ Args: { "id": string }; Returns: Json
                           },
"retry_steps":
{ Args: { "lease": string,"names": (string)[] }; Returns: number
                           },
"revoke_client":
{ Args: { "client_id": string }; Returns: Json
                           },
"revoke_enrolment_key":
{ Args: { "id": string,"stop_agents"?: boolean }; Returns: Json
                           },
"revoke_invitation":
{ Args: { "id": string }; Returns: Json
                           },
"rollback_state":
{ Args: { "expected_version"?: number,"key": string,"of_agent"?: string,"version": number }; Returns: Json
                           },
"run_statistics":
{ Args: { "seconds"?: number }; Returns: Json
                           },
"send_messages":
{ Args: { "acknowledge"?: (number)[],"messages": Json }; Returns: Json
                           },
"set_approval_policy":
{ Args: { "agent_type"?: string,"autonomy"?: string,"category"?: string,"escalate_after"?: number,"escalation_roles"?: (string)[],"expires_in"?: number,"min_confidence"?: number,"notify"?: string,"quorum"?: number,"requester_decides"?: boolean,"roles"?: (string)[] }; Returns: Json
                           },
"set_budget":
{ Args: { "hard_tokens"?: number,"hard_usd"?: number,"level": string,"period"?: string,"soft_usd"?: number,"subject"?: string }; Returns: Json
                           },
"set_debug":
{ Args: { "keep"?: number,"level"?: number,"max_records_per_minute"?: number,"persist"?: boolean }; Returns: Json
                           },
"set_entity":
{ Args: { "aliases"?: (string)[],"description"?: string,"entity"?: Json,"name"?: string,"type"?: string,"visibility"?: string }; Returns: Json
                           },
"set_fact_retention":
{ Args: { "ended_kept"?: number }; Returns: Json
                           },
"set_graph":
{ Args: { "graph": Json,"name": string,"version": string }; Returns: Json
                           },
"set_job_attributes":
{ Args: { "changes": Json,"lease": string }; Returns: Json
                           },
"set_job_share":
{ Args: { "max_running"?: number,"weight"?: number }; Returns: Json
                           },
"set_model_worth":
{ Args: { "meaning"?: number,"measured"?: Json,"model": string,"unrelated"?: number }; Returns: Json
                           },
"set_queue":
{ Args: { "max_running"?: number,"max_running_per_group"?: number,"name": string,"paused"?: boolean,"rate"?: number,"weight"?: number }; Returns: Json
                           },
"set_quotas":
{ Args: { "max_bytes"?: number,"max_living_agents"?: number,"max_memories"?: number,"messages_kept"?: number,"spawns_per_minute"?: number,"writes_per_minute"?: number }; Returns: {
              "created_at": string,
"debug": NonNullable<Json>,
"id": string,
"language": string,
"max_bytes": number,
"max_depth": number,
"max_lifetime": string,
"max_living_agents": number,
"max_memories": number,
"messages_kept": string,
"name": string,
"retention": NonNullable<Json>,
"spawns_per_minute": number,
"token_lifetime": string,
"writes_per_minute": number
            }
                          SetofOptions: {
        from: "*"
        to: "tenants"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_rate_limit":
{ Args: { "burst"?: number,"level": string,"per_minute"?: number,"subject"?: string }; Returns: Json
                           },
"set_schedule":
{ Args: { "catch_up"?: string,"cron": string,"input"?: Json,"job": string,"name": string,"options"?: Json,"overlap"?: string,"paused"?: boolean,"time_zone"?: string }; Returns: Json
                           },
"set_state":
{ Args: { "expected_version"?: number,"expires_at"?: string,"key": string,"of_agent"?: string,"value": Json }; Returns: Json
                           },
"settle_costs":
{ Args: { "settlements": Json }; Returns: Json
                           },
"signal_job":
{ Args: { "id": string,"name": string,"payload"?: Json }; Returns: Json
                           },
"spawn_agent":
{ Args: { "capabilities"?: (string)[],"lifetime"?: number,"metadata"?: Json,"name"?: string,"registration_key"?: string,"renew"?: boolean,"scopes"?: (string)[],"task"?: string,"type"?: string }; Returns: Json
                           },
"spawn_named_team":
{ Args: { "settings": Json,"team": Json }; Returns: Json
                           },
"spawn_team":
{ Args: { "team": Json }; Returns: Json
                           },
"start_run":
{ Args: { "agent": string,"attributes"?: Json,"input"?: string,"key"?: string,"lease"?: string,"limits"?: Json,"priority"?: number,"trace"?: string }; Returns: Json
                           },
"state_changes":
{ Args: { "changes": Json }; Returns: Json
                           },
"state_history":
{ Args: { "before"?: number,"key": string,"of_agent"?: string,"page_limit"?: number }; Returns: Json
                           },
"states_at":
{ Args: { "after"?: string,"instant": string,"of_agent"?: string,"page_limit"?: number,"prefix"?: string }; Returns: Json
                           },
"stop_agent":
{ Args: { "id"?: string,"reason"?: string }; Returns: Json
                           },
"stop_team":
{ Args: { "reason"?: string,"team_id": string }; Returns: Json
                           },
"subscribe_channel":
{ Args: { "acknowledged"?: number,"name": string }; Returns: Json
                           },
"suspend_agent":
{ Args: { "id"?: string,"reason"?: string }; Returns: Json
                           },
"swap_state":
{ Args: { "expected_version": number,"expires_at"?: string,"key": string,"of_agent"?: string,"value": Json }; Returns: Json
                           },
"sweep_files":
{ Args: { "page_limit"?: number }; Returns: Json
                           },
"sync":
{ Args: { "page_limit"?: number,"push"?: Json,"since"?: string }; Returns: Json
                           },
"tenant_ids":
{ Args: { "scope"?: string }; Returns: (string)[]
                           },
"transfer_tenant":
{ Args: { "user_id": string }; Returns: Json
                           },
"traverse_facts":
{ Args: { "as_of"?: string,"direction"?: string,"fan_out"?: number,"hops"?: number,"predicates"?: (string)[],"result_limit"?: number,"start": Json }; Returns: Json
                           },
"tuning_questions":
{ Args: { "model"?: string,"questions"?: number }; Returns: Json
                           },
"turn_jobs":
{ Args: { "done"?: Json,"failures"?: Json,"lease"?: number,"names"?: (string)[],"park"?: string,"place"?: Json,"queues"?: (string)[],"wanted"?: number }; Returns: Json
                           },
"unsubscribe_channel":
{ Args: { "name": string }; Returns: boolean
                           },
"update_channel":
{ Args: { "description"?: string,"name": string,"publishers"?: (string)[] }; Returns: Json
                           },
"update_tenant":
{ Args: { "language"?: string,"max_depth"?: number,"max_lifetime"?: number,"name"?: string,"retention"?: Json,"token_lifetime"?: number }; Returns: {
              "created_at": string,
"debug": NonNullable<Json>,
"id": string,
"language": string,
"max_bytes": number,
"max_depth": number,
"max_lifetime": string,
"max_living_agents": number,
"max_memories": number,
"messages_kept": string,
"name": string,
"retention": NonNullable<Json>,
"spawns_per_minute": number,
"token_lifetime": string,
"writes_per_minute": number
            }
                          SetofOptions: {
        from: "*"
        to: "tenants"
        isOneToOne: true
        isSetofReturn: false
      } },
"usage":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"use_approval":
{ Args: { "id": string,"lease": string,"step": string }; Returns: Json
                           },
"wait_any":
{ Args: { "jobs"?: Json,"lease": string,"may_sleep"?: boolean,"waits": Json }; Returns: Json
                           },
"wait_job":
{ Args: { "lease": string,"signals"?: (string)[],"step": string,"until"?: string }; Returns: Json
                           },
"watch_team":
{ Args: { "limits"?: Json,"team_id": string }; Returns: Json
                           },
"workflow_history":
{ Args: { "after"?: number,"id": string,"page_limit"?: number }; Returns: Json
                           }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "mayfly">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "mayfly": {
          Enums: {
            
          }
        }
} as const
