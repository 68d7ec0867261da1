
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "mayfly": {
          Tables: {
            "agents": {
                  Row: {
                    "activity": string,"ancestors": (string)[],"capabilities": (string)[],"depth": number,"expires_at": string,"id": string,"lifetime": string,"metadata": NonNullable<Json>,"name": string,"parent_id": string | null,"scopes": (string)[],"spawned_at": string,"spawned_by": string | null,"status": string,"stop_reason": string | null,"stopped_at": string | null,"task": string | null,"tenant_id": string,"type": string
                  }
                  ComputedFields: never
                  Insert: {
                    "activity"?: string,"ancestors"?: (string)[],"capabilities"?: (string)[],"depth"?: number,"expires_at": string,"id"?: string,"lifetime": string,"metadata"?: NonNullable<Json>,"name": string,"parent_id"?: string | null,"scopes"?: (string)[],"spawned_at"?: string,"spawned_by"?: string | null,"status"?: string,"stop_reason"?: string | null,"stopped_at"?: string | null,"task"?: string | null,"tenant_id": string,"type"?: string
                  }
                  Update: {
                    "activity"?: string,"ancestors"?: (string)[],"capabilities"?: (string)[],"depth"?: number,"expires_at"?: string,"id"?: string,"lifetime"?: string,"metadata"?: NonNullable<Json>,"name"?: string,"parent_id"?: string | null,"scopes"?: (string)[],"spawned_at"?: string,"spawned_by"?: string | null,"status"?: string,"stop_reason"?: string | null,"stopped_at"?: string | null,"task"?: string | null,"tenant_id"?: string,"type"?: string
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
    }
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
                    {
      foreignKeyName: "events_tenant_fkey"
      columns: ["tenant_id"]
isOneToOne: false
      referencedRelation: "tenants"
      referencedColumns: ["id"]
    }
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
                    "agent_id": string | null,"conversation_id": string | null,"created_at": string,"critique": string,"deleted_at": string | null,"expires_at": string | null,"id": string,"importance": number,"input": string,"kind": string,"language": string,"latency_ms": number | null,"metadata": NonNullable<Json>,"output": string,"pushed_by": string | null,"reward": number | null,"session_id": string | null,"success": boolean | null,"tags": (string)[],"task": string,"tenant_id": string,"tokens": number | null,"updated_at": string,"version": number,"visibility": string,"words": unknown
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_id"?: string | null,"conversation_id"?: string | null,"created_at"?: string,"critique"?: string,"deleted_at"?: string | null,"expires_at"?: string | null,"id": string,"importance"?: number,"input"?: string,"kind"?: string,"language"?: string,"latency_ms"?: number | null,"metadata"?: NonNullable<Json>,"output"?: string,"pushed_by"?: string | null,"reward"?: number | null,"session_id"?: string | null,"success"?: boolean | null,"tags"?: (string)[],"task"?: string,"tenant_id": string,"tokens"?: number | null,"updated_at"?: string,"version"?: number,"visibility"?: string,"words"?: never
                  }
                  Update: {
                    "agent_id"?: string | null,"conversation_id"?: string | null,"created_at"?: string,"critique"?: string,"deleted_at"?: string | null,"expires_at"?: string | null,"id"?: string,"importance"?: number,"input"?: string,"kind"?: string,"language"?: string,"latency_ms"?: number | null,"metadata"?: NonNullable<Json>,"output"?: string,"pushed_by"?: string | null,"reward"?: number | null,"session_id"?: string | null,"success"?: boolean | null,"tags"?: (string)[],"task"?: string,"tenant_id"?: string,"tokens"?: number | null,"updated_at"?: string,"version"?: number,"visibility"?: string,"words"?: never
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
                },"scopes": {
                  Row: {
                    "description": string,"name": string,"roles": (string)[]
                  }
                  ComputedFields: never
                  Insert: {
                    "description": string,"name": string,"roles": (string)[]
                  }
                  Update: {
                    "description"?: string,"name"?: string,"roles"?: (string)[]
                  }
                  Relationships: [
                    
                  ]
                },"tenants": {
                  Row: {
                    "created_at": string,"id": string,"language": string,"max_depth": number,"max_lifetime": string,"max_living_agents": number,"name": string,"token_lifetime": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"language"?: string,"max_depth"?: number,"max_lifetime"?: string,"max_living_agents"?: number,"name": string,"token_lifetime"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"language"?: string,"max_depth"?: number,"max_lifetime"?: string,"max_living_agents"?: number,"name"?: string,"token_lifetime"?: string
                  }
                  Relationships: [
                    
                  ]
                }
          }
          Views: {
            [_ in never]: never
          }
          Functions: {
            "create_tenant":
{ Args: { "name": string }; Returns: {
              "created_at": string,
"id": string,
"language": string,
"max_depth": number,
"max_lifetime": string,
"max_living_agents": number,
"name": string,
"token_lifetime": string
            }
                          SetofOptions: {
        from: "*"
        to: "tenants"
        isOneToOne: true
        isSetofReturn: false
      } },
"recall":
{ Args: { "agent"?: string,"embedding"?: (number)[],"having_tags"?: (string)[],"kinds"?: (string)[],"min_reward"?: number,"model"?: string,"query"?: string,"result_limit"?: number,"since"?: string }; Returns: {
              "agent_ended_at": string,"agent_id": string,"agent_name": string,"created_at": string,"critique": string,"id": string,"importance": number,"input": string,"kind": string,"metadata": Json,"output": string,"parts": Json,"reward": number,"score": number,"tags": (string)[],"task": string
            }[]
                           },
"renew_agent":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"spawn_agent":
{ Args: { "capabilities"?: (string)[],"lifetime"?: number,"metadata"?: Json,"name": string,"scopes"?: (string)[],"task"?: string,"type"?: string }; Returns: Json
                           },
"stop_agent":
{ Args: { "id"?: string,"reason"?: string }; Returns: Json
                           },
"sync":
{ Args: { "page_limit"?: number,"push"?: Json,"since"?: string }; Returns: Json
                           },
"tenant_ids":
{ Args: { "scope"?: string }; Returns: (string)[]
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
