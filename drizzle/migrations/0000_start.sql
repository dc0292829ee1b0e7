CREATE TABLE "agentcache_accounts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"agentcache_user_id" text NOT NULL,
	"agentcache_email" text NOT NULL,
	"agentcache_tier" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"storage_used_bytes" bigint DEFAULT 0 NOT NULL,
	"storage_reserved_bytes" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agentcache_accounts_agentcache_user_id_unique" UNIQUE("agentcache_user_id"),
	CONSTRAINT "agentcache_accounts_status" CHECK ("agentcache_accounts"."status" IN ('active', 'suspended', 'deleted')),
	CONSTRAINT "agentcache_accounts_user_id" CHECK ("agentcache_accounts"."agentcache_user_id" ~ '^[A-Za-z0-9_.:@-]{1,128}$' AND "agentcache_accounts"."agentcache_user_id" NOT IN ('.', '..')),
	CONSTRAINT "agentcache_accounts_usage" CHECK ("agentcache_accounts"."storage_used_bytes" >= 0 AND "agentcache_accounts"."storage_reserved_bytes" >= 0)
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"key_hash" text PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "file_hashes" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"account_id" uuid NOT NULL,
	"file_hash" text NOT NULL,
	"file_size" bigint NOT NULL,
	"storage_key" text NOT NULL,
	"etag" text NOT NULL,
	"verified" boolean NOT NULL,
	"state" text DEFAULT 'live' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_referenced_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "file_hashes_storage_key_unique" UNIQUE("storage_key"),
	CONSTRAINT "file_hashes_state" CHECK ("file_hashes"."state" IN ('live', 'deleting')),
	CONSTRAINT "file_hashes_size" CHECK ("file_hashes"."file_size" >= 0)
);
--> statement-breakpoint
CREATE TABLE "downloads" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"account_id" uuid NOT NULL,
	"blob_id" uuid NOT NULL,
	"bytes" bigint NOT NULL,
	"free_until" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "edge_metrics" (
	"edge_id" text NOT NULL,
	"timestamp" timestamp with time zone NOT NULL,
	"latency_ms" integer NOT NULL,
	"load_percent" integer NOT NULL,
	"bandwidth_mbps" integer NOT NULL,
	"active_uploads" integer DEFAULT 0 NOT NULL,
	"error_rate" numeric(5, 2) DEFAULT '0' NOT NULL,
	CONSTRAINT "edge_metrics_edge_id_timestamp_pk" PRIMARY KEY("edge_id","timestamp"),
	CONSTRAINT "edge_metrics_load" CHECK ("edge_metrics"."load_percent" BETWEEN 0 AND 100)
);
--> statement-breakpoint
CREATE TABLE "edge_locations" (
	"id" text PRIMARY KEY NOT NULL,
	"url" text,
	"city" text NOT NULL,
	"country" text NOT NULL,
	"lat" double precision NOT NULL,
	"lng" double precision NOT NULL,
	"provider" text DEFAULT 'cloudflare' NOT NULL,
	"is_active" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "edge_locations_position" CHECK ("edge_locations"."lat" BETWEEN -90 AND 90 AND "edge_locations"."lng" BETWEEN -180 AND 180),
	CONSTRAINT "edge_locations_active" CHECK (NOT "edge_locations"."is_active" OR "edge_locations"."url" IS NOT NULL)
);
--> statement-breakpoint
CREATE TABLE "agentcache_assets" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"account_id" uuid NOT NULL,
	"blob_id" uuid NOT NULL,
	"path" text COLLATE "C" NOT NULL,
	"size_bytes" bigint NOT NULL,
	"content_type" text NOT NULL,
	"uploaded_via" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"trashed_at" timestamp with time zone,
	CONSTRAINT "agentcache_assets_size" CHECK ("agentcache_assets"."size_bytes" >= 0),
	CONSTRAINT "agentcache_assets_path_length" CHECK (octet_length("agentcache_assets"."path") BETWEEN 1 AND 1024)
);
--> statement-breakpoint
CREATE TABLE "store_capabilities" (
	"endpoint" text NOT NULL,
	"bucket" text NOT NULL,
	"capabilities" jsonb NOT NULL,
	"probed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "store_capabilities_endpoint_bucket_pk" PRIMARY KEY("endpoint","bucket")
);
--> statement-breakpoint
CREATE TABLE "tier_configs" (
	"tier" text PRIMARY KEY NOT NULL,
	"storage_quota_bytes" bigint NOT NULL,
	"bandwidth_quota_bytes" bigint NOT NULL,
	"file_bytes_max" bigint NOT NULL,
	"jetty_speed_enabled" boolean NOT NULL,
	"connections_max" integer NOT NULL,
	"rate_limit_per_minute" integer NOT NULL,
	"price_monthly_cents" integer NOT NULL,
	CONSTRAINT "tier_configs_tier" CHECK ("tier_configs"."tier" IN ('free', 'starter', 'pro', 'business', 'enterprise')),
	CONSTRAINT "tier_configs_sizes" CHECK ("tier_configs"."storage_quota_bytes" >= 0 AND "tier_configs"."bandwidth_quota_bytes" >= 0 AND "tier_configs"."file_bytes_max" >= 0)
);
--> statement-breakpoint
CREATE TABLE "upload_sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"account_id" uuid NOT NULL,
	"upload_id" uuid NOT NULL,
	"upload_via" text NOT NULL,
	"threads" integer NOT NULL,
	"edges_used" jsonb NOT NULL,
	"chunks_completed" integer DEFAULT 0 NOT NULL,
	"bytes_uploaded" bigint DEFAULT 0 NOT NULL,
	"status" text DEFAULT 'in_progress' NOT NULL,
	"error_message" text,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone,
	CONSTRAINT "upload_sessions_status" CHECK ("upload_sessions"."status" IN ('in_progress', 'completed', 'failed', 'paused')),
	CONSTRAINT "upload_sessions_via" CHECK ("upload_sessions"."upload_via" IN ('desktop', 'web', 'api'))
);
--> statement-breakpoint
CREATE TABLE "upload_targets" (
	"upload_id" uuid NOT NULL,
	"path" text COLLATE "C" NOT NULL,
	"content_type" text NOT NULL,
	"if_new" boolean NOT NULL,
	"file_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "upload_targets_upload_id_path_pk" PRIMARY KEY("upload_id","path")
);
--> statement-breakpoint
CREATE TABLE "uploads" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"account_id" uuid NOT NULL,
	"file_hash" text NOT NULL,
	"file_size" bigint NOT NULL,
	"part_count" integer NOT NULL,
	"checksum" text NOT NULL,
	"storage_key" text NOT NULL,
	"s3_upload_id" text,
	"part_digests" "bytea" NOT NULL,
	"part_md5s" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"uploaded_via" text NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"completing_since" timestamp with time zone,
	"urls_expire_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"blob_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone,
	CONSTRAINT "uploads_storage_key_unique" UNIQUE("storage_key"),
	CONSTRAINT "uploads_state" CHECK ("uploads"."state" IN ('open', 'completing', 'done', 'aborting', 'aborted')),
	CONSTRAINT "uploads_checksum" CHECK ("uploads"."checksum" IN ('sha256', 'md5')),
	CONSTRAINT "uploads_size" CHECK ("uploads"."file_size" >= 0 AND "uploads"."part_count" BETWEEN 1 AND 10000)
);
--> statement-breakpoint
CREATE TABLE "storage_usage" (
	"account_id" uuid NOT NULL,
	"period_start" date NOT NULL,
	"bandwidth_bytes" bigint DEFAULT 0 NOT NULL,
	"downloads" integer DEFAULT 0 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "storage_usage_account_id_period_start_pk" PRIMARY KEY("account_id","period_start")
);
--> statement-breakpoint
ALTER TABLE "agentcache_accounts" ADD CONSTRAINT "agentcache_accounts_agentcache_tier_tier_configs_tier_fk" FOREIGN KEY ("agentcache_tier") REFERENCES "public"."tier_configs"("tier") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "file_hashes" ADD CONSTRAINT "file_hashes_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "downloads" ADD CONSTRAINT "downloads_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "downloads" ADD CONSTRAINT "downloads_blob_id_file_hashes_id_fk" FOREIGN KEY ("blob_id") REFERENCES "public"."file_hashes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "edge_metrics" ADD CONSTRAINT "edge_metrics_edge_id_edge_locations_id_fk" FOREIGN KEY ("edge_id") REFERENCES "public"."edge_locations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agentcache_assets" ADD CONSTRAINT "agentcache_assets_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agentcache_assets" ADD CONSTRAINT "agentcache_assets_blob_id_file_hashes_id_fk" FOREIGN KEY ("blob_id") REFERENCES "public"."file_hashes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload_sessions" ADD CONSTRAINT "upload_sessions_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload_sessions" ADD CONSTRAINT "upload_sessions_upload_id_uploads_id_fk" FOREIGN KEY ("upload_id") REFERENCES "public"."uploads"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload_targets" ADD CONSTRAINT "upload_targets_upload_id_uploads_id_fk" FOREIGN KEY ("upload_id") REFERENCES "public"."uploads"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "uploads" ADD CONSTRAINT "uploads_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "uploads" ADD CONSTRAINT "uploads_blob_id_file_hashes_id_fk" FOREIGN KEY ("blob_id") REFERENCES "public"."file_hashes"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "storage_usage" ADD CONSTRAINT "storage_usage_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_keys_account" ON "api_keys" USING btree ("account_id");--> statement-breakpoint
CREATE UNIQUE INDEX "file_hashes_content" ON "file_hashes" USING btree ("account_id","file_hash","file_size") WHERE "file_hashes"."state" = 'live';--> statement-breakpoint
CREATE INDEX "file_hashes_last_referenced" ON "file_hashes" USING btree ("last_referenced_at");--> statement-breakpoint
CREATE INDEX "downloads_free_until" ON "downloads" USING btree ("free_until");--> statement-breakpoint
CREATE INDEX "downloads_blob" ON "downloads" USING btree ("blob_id");--> statement-breakpoint
CREATE INDEX "edge_metrics_timestamp" ON "edge_metrics" USING btree ("timestamp");--> statement-breakpoint
CREATE UNIQUE INDEX "agentcache_assets_path" ON "agentcache_assets" USING btree ("account_id","path") WHERE "agentcache_assets"."trashed_at" IS NULL;--> statement-breakpoint
CREATE INDEX "agentcache_assets_trash" ON "agentcache_assets" USING btree ("account_id","path","id") WHERE "agentcache_assets"."trashed_at" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "agentcache_assets_trashed_at" ON "agentcache_assets" USING btree ("trashed_at") WHERE "agentcache_assets"."trashed_at" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "agentcache_assets_blob" ON "agentcache_assets" USING btree ("blob_id");--> statement-breakpoint
CREATE INDEX "upload_sessions_upload" ON "upload_sessions" USING btree ("upload_id");--> statement-breakpoint
CREATE INDEX "upload_sessions_account" ON "upload_sessions" USING btree ("account_id","started_at");--> statement-breakpoint
CREATE UNIQUE INDEX "uploads_content" ON "uploads" USING btree ("account_id","file_hash","file_size") WHERE "uploads"."state" IN ('open', 'completing');--> statement-breakpoint
CREATE INDEX "uploads_open" ON "uploads" USING btree ("account_id","created_at","id") WHERE "uploads"."state" IN ('open', 'completing');--> statement-breakpoint
CREATE INDEX "uploads_expiry" ON "uploads" USING btree ("expires_at") WHERE "uploads"."state" IN ('open', 'completing');--> statement-breakpoint
CREATE INDEX "uploads_aborting" ON "uploads" USING btree ("updated_at") WHERE "uploads"."state" = 'aborting';--> statement-breakpoint
CREATE INDEX "uploads_blob" ON "uploads" USING btree ("blob_id");