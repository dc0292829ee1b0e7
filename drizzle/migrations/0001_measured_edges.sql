CREATE TABLE "edge_performance_daily" (
	"edge_id" text NOT NULL,
	"date" date NOT NULL,
	"avg_latency_ms" integer,
	"avg_load_percent" integer,
	"total_uploads" integer NOT NULL,
	"total_bytes_transferred" bigint NOT NULL,
	"avg_upload_speed_mbps" numeric(10, 2),
	"uptime_percent" numeric(5, 2) NOT NULL,
	"error_count" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "edge_performance_daily_edge_id_date_pk" PRIMARY KEY("edge_id","date")
);
--> statement-breakpoint
CREATE TABLE "periodic_jobs" (
	"name" text PRIMARY KEY NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "user_file_references" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"account_id" uuid NOT NULL,
	"file_hash" text NOT NULL,
	"path" text COLLATE "C" NOT NULL,
	"saved_bytes" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "edge_metrics" ALTER COLUMN "latency_ms" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_metrics" ALTER COLUMN "load_percent" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_metrics" ALTER COLUMN "bandwidth_mbps" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_metrics" ALTER COLUMN "active_uploads" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "edge_metrics" ALTER COLUMN "active_uploads" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_metrics" ALTER COLUMN "error_rate" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "edge_metrics" ALTER COLUMN "error_rate" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_metrics" ADD COLUMN "is_up" boolean NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_locations" ADD COLUMN "public_key" text;--> statement-breakpoint
ALTER TABLE "edge_locations" ADD COLUMN "is_draining" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_locations" ADD COLUMN "is_up" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_locations" ADD COLUMN "version" text;--> statement-breakpoint
ALTER TABLE "edge_locations" ADD COLUMN "checked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "edge_locations" ADD COLUMN "seen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "edge_locations" ADD COLUMN "updated_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "upload_sessions" ADD COLUMN "paths" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "upload_sessions" ADD COLUMN "speed_bytes" double precision DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "edge_performance_daily" ADD CONSTRAINT "edge_performance_daily_edge_id_edge_locations_id_fk" FOREIGN KEY ("edge_id") REFERENCES "public"."edge_locations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_file_references" ADD CONSTRAINT "user_file_references_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "edge_performance_daily_date" ON "edge_performance_daily" USING btree ("date");--> statement-breakpoint
CREATE INDEX "user_file_references_account" ON "user_file_references" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "user_file_references_created" ON "user_file_references" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "uploads_done" ON "uploads" USING btree ("account_id","completed_at") WHERE "uploads"."state" = 'done';--> statement-breakpoint
UPDATE "edge_locations" SET "is_up" = "is_active";
